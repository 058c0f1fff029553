"""`--live`: one item for each cell, scenario and rule, on a cluster that the plugin owns while the items run."""

from __future__ import annotations

import contextlib
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from osh_conformance.config import configuration
from osh_conformance.config.expectations import Expectations
from osh_conformance.config.options import LiveOptions, read_overrides
from osh_conformance.errors import SuiteError
from osh_conformance.live import proofs
from osh_conformance.live import session as stages
from osh_conformance.loading.search import suite_folder
from osh_conformance.model.event import CellFinished, ClusterOpened, ErrorFound, ResultFound, ScenariosFinished
from osh_conformance.model.finding import Status
from osh_conformance.model.result import CellReport, error_finding
from osh_conformance.model.scenario import ScenarioGroup
from osh_conformance.plan import cells, timings
from osh_conformance.plan.capacity import carried
from osh_conformance.plan.plan import CellRun, LeftOut, LeftOutError, LiveSuite
from osh_conformance.plugin import collect_suite
from osh_conformance.plugin.static import EXPECTATIONS, RUN
from osh_conformance.progress import Progress
from osh_conformance.report import tables
from osh_conformance.report.result import RunReport

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from osh_conformance.live.session import CellResult, LiveSession
    from osh_conformance.model.finding import Verdict
    from osh_conformance.model.matrix import Cell

#: What `osh-conformance live` asks for, in place of the command line's options.
SUITE = pytest.StashKey[LiveSuite]()
PROGRESS = pytest.StashKey[Progress]()

_ITEM = "assertion"
_CELL = "conformance_cell"


def register(config: pytest.Config) -> None:
    """Add the live suite to this run."""
    config.addinivalue_line("markers", "live_rules(*ids): the live rules that a test stands for")
    if not hasattr(config.option, "kubeconfig"):
        raise pytest.UsageError("--live needs pytest-helm-charts: pip install 'osh-conformance[live]'")
    if not config.getoption("charts"):
        raise pytest.UsageError("--live needs charts: --charts PATH")
    if config.getoption("numprocesses", None) or hasattr(config, "workerinput"):
        raise pytest.UsageError("--live runs its cells in parallel by itself, on one cluster: leave out -n")
    suite = config.stash.get(SUITE, None) or _suite_of(config)
    run = config.stash.setdefault(RUN, RunReport())
    progress = config.stash.get(PROGRESS, None) or Progress()
    collect_suite(config, suite_folder("live"))
    # The static half, which every live run has too, has read them.
    expectations = config.stash.get(EXPECTATIONS, None) or Expectations()
    config.pluginmanager.register(LivePlugin(suite, run, progress, expectations), "osh-conformance-live")


def _suite_of(config: pytest.Config) -> LiveSuite:
    folder = config.invocation_params.dir
    kubeconfig = config.getoption("kubeconfig", None)
    paths = tuple(folder / path for path in config.getoption("charts"))
    try:
        settings = configuration.found_for(paths[0])
        return LiveSuite(
            LiveOptions(
                paths=paths,
                values=read_overrides(map(Path, settings.values)),
                convention=settings.convention,
                catalog=Path(settings.catalog) if settings.catalog else None,
                renderer=settings.renderer,
                strict=settings.strict,
                kubeconfig=Path(kubeconfig) if kubeconfig else None,
                allow_privileged=config.getoption("allow_privileged"),
            )
        )
    except SuiteError as error:
        raise pytest.UsageError(str(error)) from error


class Handover:
    """Given to pytest by `osh-conformance live`: its suite goes in, what was found comes out in the run."""

    def __init__(self, suite: LiveSuite, run: RunReport, progress: Progress) -> None:
        self._suite = suite
        self._run = run
        self._progress = progress

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Hand over, before the plugin looks."""
        config.stash[SUITE] = self._suite
        config.stash[RUN] = self._run
        config.stash[PROGRESS] = self._progress


class LivePlugin:
    """Makes the items, owns the stage while they run, and gives each its verdict."""

    def __init__(self, suite: LiveSuite, run: RunReport, progress: Progress, expectations: Expectations) -> None:
        self._suite = suite
        self._run = run
        self._progress = progress
        self._expectations = expectations
        self._wanted = 0
        self._stage: LiveSession | None = None
        self._closing = contextlib.ExitStack()
        self._failure: SuiteError | None = None
        self._pool = ThreadPoolExecutor(max_workers=_at_a_time(suite), thread_name_prefix="cell")
        self._judged: dict[str, Future[CellResult]] = {}
        for chart, error in suite.errors.items():
            run.handle(ErrorFound(error=error_finding(error, Path(chart).name)))

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Make an item for each pair and each rule that both its scenario and the test stand for, or for each cell."""
        if _CELL in metafunc.fixturenames:
            asked = {pair.cell.id: pair for pair in self._suite.pairs}
            known: list[CellRun | LeftOut] = [*asked.values(), *self._suite.left_out]
            metafunc.parametrize(_CELL, known, ids=[each.cell.id for each in known], scope="function")
        if _ITEM not in metafunc.fixturenames:
            return
        marker = metafunc.definition.get_closest_marker("live_rules")
        rules = marker.args if marker else ()
        wanted = [(pair, rule) for pair in self._suite.pairs for rule in rules if rule in pair.scenario.rules]
        self._wanted += len(wanted)
        metafunc.parametrize(_ITEM, wanted, ids=[f"{pair.id}-{rule}" for pair, rule in wanted], scope="function")

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave out what pytest makes of a test without a parameter: it stands for nothing."""
        items[:] = [item for item in items if not _is_empty(item)]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Record what broke an item of ours: a mistake in this program must not look like a chart that conforms."""
        report = yield
        found = call.excinfo
        if found and report.failed and _is_ours(item) and not found.errisinstance(pytest.fail.Exception):
            broken = SuiteError(f"{item.name}: {found.exconly()}", details=report.longreprtext)
            self._run.handle(ErrorFound(error=error_finding(broken)))
        return report

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Iterator[None]:
        """Open the stage before all items. A stage that does not open is the error of each of them."""
        pairs = list({pair.id: pair for item in session.items for pair in _pairs_of(item, self._suite)}.values())
        if pairs and not session.config.option.collectonly:
            self._open(pairs, session.config)
        try:
            return (yield)
        finally:
            if self._stage:
                self._stage.cancel.set()
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._tell_the_rest(session.items)
            self._report_cells()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self) -> Iterator[None]:
        """Close the stage last: after an interruption pytest ends the fixtures here, and they have namespaces on it."""
        try:
            return (yield)
        finally:
            self._closing.close()

    def _open(self, pairs: list[CellRun], config: pytest.Config) -> None:
        try:
            self._stage = self._closing.enter_context(stages.open_session(self._suite, pairs, self._progress))
        except SuiteError as error:
            self._failure = error
            return
        self._run.handle(ClusterOpened(kubernetes=self._stage.kubernetes))
        # pytest-helm-charts' fixtures are pointed at the same cluster.
        config.option.kubeconfig = str(self._stage.kubeconfig)
        config.option.cluster_type = "kind" if self._stage.cluster.owned else "existing"
        config.option.cluster_version = self._stage.kubernetes

    @pytest.fixture
    def judged(self, request: pytest.FixtureRequest, assertion: tuple[CellRun, str]) -> CellResult:
        """What the item's pair showed. The first item of a module starts all pairs of that module."""
        pair, rule = assertion
        try:
            return self._result(request, pair)
        except LeftOutError as reason:
            pytest.skip(f"left out: {reason.message}")
        except SuiteError as error:
            command = self._suite.command(pair)
            where = {"cell": pair.cell.id, "scenario": pair.scenario.name}
            self._run.handle(ResultFound.broken(pair.subject.name, rule, error, reproduce=command, **where))
            pytest.fail(f"ERROR {pair.id}: {error}", pytrace=False)

    @pytest.fixture
    def live_verdict(self, judged: CellResult, assertion: tuple[CellRun, str]) -> Verdict:
        """What the item's rule says of the observation, or of it beside those of other cells."""
        pair, rule = assertion
        said = judged.verdicts[rule] if rule in judged.verdicts else self._compared(pair, rule, judged)
        return self._told(pair, said)

    @pytest.fixture
    def proof(self, request: pytest.FixtureRequest, conformance_cell: CellRun | LeftOut) -> str:
        """What shows that a cell was what it says; a cell that was left out skips with the reason."""
        cell = conformance_cell
        if isinstance(cell, LeftOut):
            pytest.skip(f"left out: {cell.reason}")
        results: list[CellResult] = []
        failures: list[SuiteError] = []
        # All of them, also after one that failed: their namespaces go with this module.
        for pair in (pair for pair in self._suite.pairs if pair.cell == cell.cell):
            try:
                results.append(self._result(request, pair))
            except SuiteError as error:
                failures.append(error)
        if failures and isinstance(failures[0], LeftOutError):
            pytest.skip(f"left out: {failures[0].message}")
        if failures:
            pytest.fail(f"ERROR {cell.cell.id}: {failures[0]}", pytrace=False)
        return "; ".join(dict.fromkeys(proofs.told(each.observation) for each in results))

    def _result(self, request: pytest.FixtureRequest, pair: CellRun) -> CellResult:
        if self._stage is None:
            raise self._failure or SuiteError("there is no cluster")
        self._start(request, self._stage)
        return self._judged[pair.id].result()

    def _compared(self, pair: CellRun, rule: str, judged: CellResult) -> Verdict:
        assert self._stage is not None, "something was judged"  # noqa: S101
        asked = [self._judged[other.id] for other in self._suite.beside(pair) if other.id in self._judged]
        others = [future.result().observation for future in asked if not future.exception()]
        return self._stage.compared(pair, rule, judged.observation, others)

    def _start(self, request: pytest.FixtureRequest, stage: LiveSession) -> None:
        module = request.node.getparent(pytest.Module)
        items = [item for item in request.session.items if item.getparent(pytest.Module) is module]
        for pair in (pair for item in items for pair in _pairs_of(item, self._suite)):
            if pair.id not in self._judged:
                self._judged[pair.id] = self._submit(request, pair, stage)

    def _submit(self, request: pytest.FixtureRequest, pair: CellRun, stage: LiveSession) -> Future[CellResult]:
        namespace = cells.namespace(pair.cell, pair.scenario)
        make: Callable[..., Any] = request.getfixturevalue("namespace_factory")
        make(namespace, extra_metadata={"labels": stage.labels(pair)})
        return self._pool.submit(self._judge, pair, stage, namespace)

    def _judge(self, pair: CellRun, stage: LiveSession, namespace: str) -> CellResult:
        try:
            with self._progress.step(f"cell {pair.id}"):
                judged = stage.run(pair, namespace)
        except SuiteError as error:
            if not stage.cancel.is_set():
                self._progress.say(f"       {error.message.partition(chr(10))[0]}")
            raise
        finally:
            stage.vacate(namespace)
        if judged.observation.gauges:
            self._progress.say(tables.table(judged.observation.gauges))
        return judged

    def _told(self, pair: CellRun, said: Verdict) -> Verdict:
        verdict = self._expectations.applied_live(self._suite.finished(said, pair))
        where = {"cell": pair.cell.id, "scenario": pair.scenario.name}
        self._run.handle(ResultFound.of(pair.subject.name, verdict, **where))
        return verdict

    def _tell_the_rest(self, items: list[pytest.Item]) -> None:
        """What was seen is not lost where an interruption keeps its items from running."""
        told = {(check.cell, check.scenario, check.rule) for check in self._run.checks}
        for pair, rule in filter(None, map(_assertion_of, items)):
            future = self._judged.get(pair.id)
            if future is None or not _ended_well(future) or (pair.cell.id, pair.scenario.name, rule) in told:
                continue
            if rule in future.result().verdicts:
                self._told(pair, future.result().verdicts[rule])

    def _report_cells(self) -> None:
        done = [check for check in self._run.checks if check.cell and check.status is not Status.ERROR]
        complete = not self._suite.request.scenarios and 0 < self._wanted == len(done)
        self._run.handle(ScenariosFinished(complete=complete))
        asked = {pair.cell.id: pair for pair in self._suite.pairs}
        cells_done = [self._cell_report(pair) for pair in asked.values() if self._was_begun(pair)]
        cells_left = [_left_out(each.cell, each.reason) for each in self._suite.left_out]
        for cell in (*cells_done, *cells_left):
            self._run.handle(CellFinished(cell=cell))
        if self._stage:
            timings.note(self._stage.tools.folders, self._seconds())

    def _was_begun(self, pair: CellRun) -> bool:
        ids = [other.id for other in self._suite.pairs if other.cell == pair.cell]
        return any(name in self._judged for name in ids) or any(c.cell == pair.cell.id for c in self._run.checks)

    def _seconds(self) -> dict[str, float]:
        done = {name: future for name, future in self._judged.items() if _ended_well(future)}
        return {name: sum(future.result().observation.seconds.values()) for name, future in done.items()}

    def _cell_report(self, pair: CellRun) -> CellReport:
        statuses = {check.status for check in self._run.checks if check.cell == pair.cell.id}
        futures = [
            self._judged[other.id]
            for other in self._suite.pairs
            if other.cell == pair.cell and other.id in self._judged
        ]
        done = [future.result() for future in futures if _ended_well(future)]
        reasons = [str(r.message) for f in futures if f.done() and isinstance(r := _error_of(f), LeftOutError)]
        if reasons and not done:
            return _left_out(pair.cell, reasons[0])
        status = "fail" if Status.FAIL in statuses else "error" if Status.ERROR in statuses else "pass"
        origins = {origin for judged in done for origin in proofs.origins(judged.observation)}
        errors = [
            check.reason for check in self._run.checks if check.cell == pair.cell.id and check.status is Status.ERROR
        ]
        return CellReport(
            id=pair.cell.id,
            chart=pair.cell.chart,
            flavor=pair.cell.flavor,
            origin=", ".join(sorted(origins)),
            format=pair.cell.format,
            runtime=proofs.runtime_shown(done[0].observation) if done else pair.cell.runtime,
            helm=str(pair.cell.helm),
            status=status,
            reason=errors[0] if errors else "",
            proof="; ".join(dict.fromkeys(filter(None, (proofs.told(judged.observation) for judged in done)))),
            seconds=sum(sum(judged.observation.seconds.values()) for judged in done),
            artifacts=next((judged.artifacts for judged in done if judged.artifacts), ""),
            gauges={
                seen.scenario.name: [gauge.numbers for gauge in seen.gauges]
                for seen in (judged.observation for judged in done)
                if seen.gauges
            },
        )


def _at_a_time(suite: LiveSuite) -> int:
    """How many pairs run at a time: one where they strike the whole cluster."""
    if any(scenario.table is ScenarioGroup.ENVIRONMENT for scenario in suite.scenarios):
        return 1
    return suite.request.parallel or carried()


def _left_out(cell: Cell, reason: str) -> CellReport:
    return CellReport(
        id=cell.id,
        chart=cell.chart,
        flavor=cell.flavor,
        origin="",
        format=cell.format,
        runtime=cell.runtime,
        helm=str(cell.helm),
        status="skipped",
        reason=reason,
    )


def _error_of(future: Future[CellResult]) -> BaseException | None:
    return None if future.cancelled() else future.exception()


def _ended_well(future: Future[CellResult]) -> bool:
    return future.done() and not future.cancelled() and not future.exception()


def _parameters(item: pytest.Item) -> dict[str, Any]:
    callspec = getattr(item, "callspec", None)
    return dict(callspec.params) if callspec else {}


def _assertion_of(item: pytest.Item) -> tuple[CellRun, str] | None:
    value = _parameters(item).get(_ITEM)
    return value if isinstance(value, tuple) else None


def _is_ours(item: pytest.Item) -> bool:
    return bool({_ITEM, _CELL} & set(_parameters(item)))


def _is_empty(item: pytest.Item) -> bool:
    found = _parameters(item)
    return (_ITEM in found and not isinstance(found[_ITEM], tuple)) or (
        _CELL in found and not isinstance(found[_CELL], CellRun | LeftOut)
    )


def _pairs_of(item: pytest.Item, suite: LiveSuite) -> list[CellRun]:
    """The pairs that an item needs: one for an assertion, those of all scenarios for a cell."""
    cell, assertion = _parameters(item).get(_CELL), _assertion_of(item)
    if isinstance(cell, CellRun):
        return [pair for pair in suite.pairs if pair.cell == cell.cell]
    return [assertion[0]] if assertion else []
