"""The static half in pytest: one item for each chart and rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from osh_conformance.errors import SuiteError
from osh_conformance.loading.search import suite_folder
from osh_conformance.model.event import ResultFound
from osh_conformance.model.finding import Status
from osh_conformance.plain import plain, plain_lines
from osh_conformance.plugin.markers import rules_of_test
from osh_conformance.plugin.outcome import explain, place_skip

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from pathlib import Path

    from osh_conformance.charts.target import ChartTarget
    from osh_conformance.check.engine import StaticEngine
    from osh_conformance.model.finding import Verdict
    from osh_conformance.report.base import Listeners

_ITEM = "chart_and_rule"
_EVENT = pytest.StashKey[dict[str, Any]]()
#: The attribute of a test's report that carries the event, from worker processes of pytest-xdist too.
_CARRIED = "osh_conformance"


class StaticPlugin:
    """Makes an item for each chart and rule, gives it its verdict, and passes its result to the listeners."""

    def __init__(self, engine: StaticEngine, listeners: Listeners) -> None:
        self._engine = engine
        self._listeners = listeners
        self._folder = suite_folder("static")

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Declare the marker of the suite's tests."""
        config.addinivalue_line(
            "markers", "rules(*ids): the static rules that a test stands for; `*`: those of no other test"
        )

    @pytest.hookimpl(tryfirst=True)
    def pytest_pycollect_makemodule(self, module_path: Path, parent: pytest.Collector) -> pytest.Module | None:
        """Collect the suite's tests by the suite's own naming, and ignore the user's `python_functions`."""
        if module_path.parent != self._folder:
            return None
        # The same in every run, wherever the suite is installed.
        nodeid = f"osh_conformance/{self._folder.name}/{module_path.name}"
        module: pytest.Module = _SuiteModule.from_parent(parent, path=module_path, nodeid=nodeid)
        return module

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Make an item for each chart and each rule that the test stands for."""
        if _ITEM not in metafunc.fixturenames:
            return
        rules = rules_of_test(metafunc.definition, "rules", self._folder, self._engine.rules)
        pairs = [(target, rule) for target in self._engine.targets for rule in rules]
        ids = [f"{plain(target.label)}-{rule}" for target, rule in pairs]
        metafunc.parametrize(_ITEM, pairs, ids=ids, scope="function")

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Announce the charts of the items that will run. A worker of pytest-xdist runs only some of them."""
        if not session.config.option.collectonly and not hasattr(session.config, "workerinput"):
            found = filter(None, map(chart_and_rule_of, session.items))
            self._engine.expect({target.label: target for target, _ in found}.values())

    @pytest.fixture
    def verdict(self, request: pytest.FixtureRequest, chart_and_rule: tuple[ChartTarget, str]) -> Verdict:
        """Check one chart by one rule. A chart that cannot be checked is an error here, not a failure of the test."""
        result = self._engine.result(*chart_and_rule)
        request.node.stash[_EVENT] = msgspec.to_builtins(result.event)
        if isinstance(result.failure, SuiteError):
            pytest.fail(plain_lines(f"ERROR {chart_and_rule[0].label}: {result.failure}"), pytrace=False)
        if result.failure:
            raise result.failure
        assert result.verdict is not None  # noqa: S101  (a result without a failure has one)
        return result.verdict

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Put the event onto the report of the phase in which it happened, and the reason of a failure in one line."""
        report = yield
        if call.when == "setup" and _EVENT in item.stash:
            setattr(report, _CARRIED, item.stash[_EVENT])
        verdict = getattr(item, "funcargs", {}).get("verdict")
        if call.when == "call" and verdict and chart_and_rule_of(item):
            explain(report, verdict)
            place_skip(report)
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Pass the event on, from this process or from a worker of pytest-xdist."""
        carried = getattr(report, _CARRIED, None)
        if carried:
            self._listeners.handle(msgspec.convert(carried, ResultFound))

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Report expectations that matched no finding. With `strict` they fail the run."""
        if hasattr(session.config, "workerinput"):
            return
        report = self._listeners.report
        notes = self._engine.notes(report.checks, cluster=report.all_scenarios)
        for event in notes:
            self._listeners.handle(event)
        failing = any(event.note.status is Status.FAIL for event in notes)
        if failing and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


class _SuiteModule(pytest.Module):
    def collect(self) -> list[pytest.Item | pytest.Collector]:
        """Return the items. pytest makes one, without a chart, of a test whose rules are not selected: leave it out."""
        return [item for item in super().collect() if _ITEM not in _params(item) or chart_and_rule_of(item)]

    def funcnamefilter(self, name: str) -> bool:
        """Return whether `name` is the name of a test."""
        return name.startswith("test_")


def chart_and_rule_of(item: pytest.Item | pytest.Collector) -> tuple[ChartTarget, str] | None:
    """Return the chart and the rule of a static item, None for any other item."""
    value = _params(item).get(_ITEM)
    return value if isinstance(value, tuple) else None


def _params(item: pytest.Item | pytest.Collector) -> Mapping[str, Any]:
    callspec = getattr(item, "callspec", None)
    return callspec.params if callspec else {}
