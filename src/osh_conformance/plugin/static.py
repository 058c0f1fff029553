"""`--charts`: one item for each chart and rule."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from osh_conformance.check.engine import StaticSuite
from osh_conformance.config import configuration
from osh_conformance.config.expectations import Expectations
from osh_conformance.errors import SuiteError
from osh_conformance.loading.search import suite_folder
from osh_conformance.model.event import ResultFound
from osh_conformance.model.finding import Finding, Status, Verdict
from osh_conformance.model.result import Check, error_finding
from osh_conformance.plugin import collect_suite
from osh_conformance.report import terminal
from osh_conformance.report.result import RunReport

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from osh_conformance.charts.target import ChartTarget

#: What `osh-conformance check` asks for, in place of the command line's options.
SUITE = pytest.StashKey[StaticSuite]()
EXPECTATIONS = pytest.StashKey[Expectations]()
#: Where the outcomes go.
RUN = pytest.StashKey[RunReport]()
#: Whether nobody reads pytest's own reports, so that there need be none.
UNREPORTED = pytest.StashKey[bool]()

_ITEM = "judgement"
_OUTCOME = pytest.StashKey[dict[str, Any]]()
#: The attribute of a test's report that brings what was found to whoever keeps the run, from other processes too.
_CARRIED = "osh_conformance"


def register(config: pytest.Config) -> None:
    """Add the static suite to this run."""
    config.addinivalue_line("markers", "rules(*ids): the static rules that a test stands for")
    if SUITE not in config.stash:
        _read_options(config)
    suite = config.stash[SUITE]
    run = config.stash.setdefault(RUN, RunReport())
    run.charts = len(suite.subjects)
    folder = suite_folder("static")
    collect_suite(config, folder)
    plugin = StaticPlugin(suite, run, config.stash.get(EXPECTATIONS, None) or Expectations(), folder)
    config.pluginmanager.register(plugin, "osh-conformance-static")
    if config.stash.get(UNREPORTED, False):
        config.pluginmanager.register(_Unreported(plugin, run), "osh-conformance-unreported")


def _read_options(config: pytest.Config) -> None:
    # As they were written, where that is enough: messages repeat them.
    folder = config.invocation_params.dir
    folder = Path() if folder == Path.cwd() else folder
    paths = tuple(folder / path for path in config.getoption("charts"))
    try:
        settings = configuration.found_for(paths[0])
        files = tuple(str(folder / file) for file in config.getoption("deviations")) or settings.deviations
        config.stash[SUITE] = StaticSuite(configuration.static_request(paths, settings))
        config.stash[EXPECTATIONS] = Expectations.of_files(files)
    except SuiteError as error:
        raise pytest.UsageError(str(error)) from error


class Handover:
    """Given to pytest by `osh-conformance check`: its suite goes in, what was found comes out in `run`.

    `reported` False: nobody reads what pytest itself says of each item.
    """

    def __init__(
        self, suite: StaticSuite, run: RunReport, expectations: Expectations | None = None, *, reported: bool = True
    ) -> None:
        self._suite = suite
        self._run = run
        self._expectations = expectations or Expectations()
        self._reported = reported

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Hand over, before the plugin looks."""
        config.stash[SUITE] = self._suite
        config.stash[RUN] = self._run
        config.stash[EXPECTATIONS] = self._expectations
        config.stash[UNREPORTED] = not self._reported


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """What came of asking one rule: a verdict, or the failure that kept it from one."""

    check: Check
    verdict: Verdict | None = None
    error: Finding | None = None
    failure: Exception | None = None


class StaticPlugin:
    """Makes the items, gives each its verdict, and keeps the run."""

    def __init__(self, suite: StaticSuite, run: RunReport, expectations: Expectations, folder: Path) -> None:
        self._suite = suite
        self._run = run
        self._expectations = expectations
        self._folder = folder

    @pytest.hookimpl(tryfirst=True)
    def pytest_pycollect_makemodule(self, module_path: Path, parent: pytest.Collector) -> pytest.Module | None:
        """Find the suite's tests by the suite's own names, whatever `python_functions` the user has."""
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
        marker = metafunc.definition.get_closest_marker("rules")
        rules = [rule for rule in (marker.args if marker else ()) if rule in self._suite.rules]
        pairs = [(subject, rule) for subject in self._suite.subjects for rule in rules]
        ids = [f"{subject.label}-{rule}" for subject, rule in pairs]
        metafunc.parametrize(_ITEM, pairs, ids=ids, scope="function")

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave out tests of which no rule is asked for."""
        items[:] = [item for item in items if not _is_empty(item)]

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Announce the charts of the items that will run. A worker of pytest-xdist runs only some of them."""
        if session.config.option.collectonly or hasattr(session.config, "workerinput"):
            return
        wanted = {subject.label: subject for item in session.items for subject in _subject_of(item)}
        self._suite.expect(wanted.values())

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> Any:
        """Give all items of a chart to one worker, so that it is rendered once."""
        if config.getoption("dist") != "load":
            return None
        from osh_conformance.plugin.workers import ChartScheduling  # noqa: PLC0415  (only with pytest-xdist)

        return ChartScheduling(config, log, self._suite.rules)

    @pytest.fixture
    def verdict(self, request: pytest.FixtureRequest, judgement: tuple[ChartTarget, str]) -> Verdict:
        """Judge one chart by one rule; a chart that cannot be judged is an error here, not a failure of the test."""
        subject, rule = judgement
        outcome = self.outcome(subject, rule)
        request.node.stash[_OUTCOME] = {
            "check": msgspec.to_builtins(outcome.check),
            "error": outcome.error and msgspec.to_builtins(outcome.error),
        }
        if isinstance(outcome.failure, SuiteError):
            pytest.fail(f"ERROR {subject.label}: {outcome.failure}", pytrace=False)
        if outcome.failure:
            raise outcome.failure
        assert outcome.verdict is not None  # noqa: S101  (there is one where nothing failed)
        return outcome.verdict

    def outcome(self, subject: ChartTarget, rule: str) -> _Outcome:
        """Ask one rule about one chart."""
        started = time.monotonic()
        try:
            verdict = self._expectations.applied(self._suite.judge(subject, rule), subject)
        except SuiteError as error:
            return _Outcome(
                check=_broken(subject, rule, error),
                error=error_finding(error, subject.label, self._suite.reproduce(subject)),
                failure=error,
            )
        except Exception as error:  # noqa: BLE001  (a rule that breaks must not end the others)
            broken = SuiteError(f"{rule} broke on this chart: {error!r}", fix="report it, with the chart")
            return _Outcome(
                check=_broken(subject, rule, broken),
                error=error_finding(broken, subject.label, self._suite.reproduce(subject, rule)),
                failure=error,
            )
        check = Check(
            chart=subject.label,
            rule=rule,
            status=verdict.status,
            findings=verdict.findings,
            reason=verdict.reason,
            seconds=time.monotonic() - started,
        )
        return _Outcome(check=check, verdict=verdict)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Iterator[None]:  # the report goes through
        """Put what was found onto the report of the phase in which it was."""
        report = yield
        if call.when == "setup" and _OUTCOME in item.stash:
            setattr(report, _CARRIED, item.stash[_OUTCOME])
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Record what was found, be it in this process or in a worker of pytest-xdist."""
        carried = getattr(report, _CARRIED, None)
        if carried:
            error = carried["error"]
            self._run.handle(
                ResultFound(
                    check=msgspec.convert(carried["check"], Check),
                    error=msgspec.convert(error, Finding) if error else None,
                )
            )

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Look for expectations that nothing needed. With `strict` they fail the run."""
        if hasattr(session.config, "workerinput"):
            return
        judged: dict[str, list[Verdict]] = {}
        for check in self._run.checks:
            verdict = Verdict(rule=check.rule, status=check.status, findings=check.findings)
            judged.setdefault(check.chart, []).append(verdict)
        notes = self._expectations.stale(judged, self._suite.subjects, cluster=self._run.all_scenarios)
        if self._suite.request.strict:
            notes = tuple(replace(note, status=Status.FAIL) for note in notes)
            if notes and session.exitstatus == pytest.ExitCode.OK:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED
        self._run.notes += notes

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say what pytest's own lines do not: warnings, what is expected, and what nobody needs to expect any more."""
        warnings = [finding for finding in self._run.findings if finding.status is Status.WARNING]
        told = [*warnings, *(note for note in self._run.notes if note not in warnings)]
        lines = [terminal.message(finding) for finding in told] + terminal.expected_lines(self._run)
        if lines and self._run.checks:
            terminalreporter.section("osh-conformance")
            for line in (*lines, terminal.summary(self._run)):
                terminalreporter.write_line(line)


class _Unreported:
    """Runs the items without fixtures, phases and reports, which take most of the time when all is in the cache."""

    def __init__(self, plugin: StaticPlugin, run: RunReport) -> None:
        self._plugin = plugin
        self._run = run

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> bool | None:
        """Record what the item would have reported."""
        judgement = _params(item).get(_ITEM)
        if not isinstance(judgement, tuple):
            return None
        outcome = self._plugin.outcome(*judgement)
        self._run.handle(ResultFound(check=outcome.check, error=outcome.error))
        return True


class _SuiteModule(pytest.Module):
    def funcnamefilter(self, name: str) -> bool:
        """Whether that is the name of a test."""
        return name.startswith("test_")


def _broken(subject: ChartTarget, rule: str, error: SuiteError) -> Check:
    return Check(chart=subject.label, rule=rule, status=Status.ERROR, reason=error.message)


def _is_empty(item: pytest.Item) -> bool:
    return _ITEM in _params(item) and not _subject_of(item)


def _subject_of(item: pytest.Item) -> list[ChartTarget]:
    value = _params(item).get(_ITEM)
    return [value[0]] if isinstance(value, tuple) else []


def _params(item: pytest.Item) -> Mapping[str, Any]:
    callspec = getattr(item, "callspec", None)
    return callspec.params if callspec else {}
