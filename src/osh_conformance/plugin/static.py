"""`--charts`: one item for each chart and rule."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from osh_conformance.errors import SuiteError
from osh_conformance.plugin import collect_suite
from osh_conformance.report.run import Run
from osh_conformance.suite.folders import suite_folder
from osh_conformance.suite.static import StaticRequest, StaticSuite, Subject

if TYPE_CHECKING:
    from osh_conformance.model.finding import Verdict

#: What `osh-conformance check` asks for, in place of the command line's options.
SUITE = pytest.StashKey[StaticSuite]()
#: Where the outcomes go.
RUN = pytest.StashKey[Run]()

_ITEM = "judgement"


def register(config: pytest.Config) -> None:
    """Add the static suite to this run."""
    config.addinivalue_line("markers", "rules(*ids): the static rules that a test stands for")
    suite = config.stash.get(SUITE, None) or _suite_of(config)
    run = config.stash.setdefault(RUN, Run())
    run.charts = len(suite.subjects)
    collect_suite(config, suite_folder("static"))
    config.pluginmanager.register(StaticPlugin(suite, run), "osh-conformance-static")


def _suite_of(config: pytest.Config) -> StaticSuite:
    folder = config.invocation_params.dir
    try:
        return StaticSuite(StaticRequest(paths=tuple(folder / path for path in config.getoption("charts"))))
    except SuiteError as error:
        raise pytest.UsageError(str(error)) from error


class Handover:
    """Given to pytest by `osh-conformance check`: its suite goes in, what was found comes out in `run`."""

    def __init__(self, suite: StaticSuite, run: Run) -> None:
        self._suite = suite
        self._run = run

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Hand over, before the plugin looks."""
        config.stash[SUITE] = self._suite
        config.stash[RUN] = self._run


class StaticPlugin:
    """Makes the items, and gives each its verdict."""

    def __init__(self, suite: StaticSuite, run: Run) -> None:
        self._suite = suite
        self._run = run

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Make an item for each chart and each rule that the test stands for."""
        if _ITEM not in metafunc.fixturenames:
            return
        marker = metafunc.definition.get_closest_marker("rules")
        rules = [rule for rule in (marker.args if marker else ()) if rule in self._suite.rules]
        pairs = [(subject, rule) for subject in self._suite.subjects for rule in rules]
        ids = [f"{subject.label}-{rule}" for subject, rule in pairs]
        metafunc.parametrize(_ITEM, pairs, ids=ids, scope="function")

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave out tests of which no rule is asked for."""
        items[:] = [item for item in items if not _is_empty(item)]

    @pytest.fixture
    def verdict(self, judgement: tuple[Subject, str]) -> Verdict:
        """Judge one chart by one rule; a chart that cannot be judged is an error here, not a failure of the test."""
        subject, rule = judgement
        started = time.monotonic()
        try:
            verdict = self._suite.judge(subject, rule)
        except SuiteError as error:
            self._run.add_error(subject.label, rule, error, reproduce=self._suite.reproduce(subject))
            pytest.fail(f"ERROR {subject.label}: {error}", pytrace=False)
        except Exception as error:
            broken = SuiteError(f"{rule} broke on this chart: {error!r}", fix="report it, with the chart")
            self._run.add_error(subject.label, rule, broken, reproduce=self._suite.reproduce(subject, rule))
            raise
        self._run.add(subject.label, verdict, seconds=time.monotonic() - started)
        return verdict


def _is_empty(item: pytest.Item) -> bool:
    callspec = getattr(item, "callspec", None)
    return callspec is not None and _ITEM in callspec.params and not isinstance(callspec.params[_ITEM], tuple)
