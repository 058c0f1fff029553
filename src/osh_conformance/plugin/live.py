"""`--live`: one item for each cell, scenario and rule, on a cluster that the plugin owns while the items run."""

from __future__ import annotations

import contextlib
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from osh_conformance.errors import SuiteError
from osh_conformance.model.finding import Status
from osh_conformance.plugin import collect_suite
from osh_conformance.plugin.static import EXPECTATIONS, RUN
from osh_conformance.progress import Progress
from osh_conformance.report.run import CellReport, Run, error_finding
from osh_conformance.suite import configuration
from osh_conformance.suite import stage as stages
from osh_conformance.suite.expectations import Expectations
from osh_conformance.suite.folders import suite_folder
from osh_conformance.suite.live import LiveRequest, LiveSuite, Pair
from osh_conformance.suite.static import read_overrides

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from osh_conformance.model.finding import Verdict
    from osh_conformance.suite.stage import Judged, Stage

#: What `osh-conformance live` asks for, in place of the command line's options.
SUITE = pytest.StashKey[LiveSuite]()
PROGRESS = pytest.StashKey[Progress]()

_ITEM = "assertion"


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
    run = config.stash.setdefault(RUN, Run())
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
            LiveRequest(
                paths=paths,
                values=read_overrides(map(Path, settings.values)),
                convention=settings.convention,
                catalog=Path(settings.catalog) if settings.catalog else None,
                renderer=settings.renderer,
                strict=settings.strict,
                kubeconfig=Path(kubeconfig) if kubeconfig else None,
            )
        )
    except SuiteError as error:
        raise pytest.UsageError(str(error)) from error


class Handover:
    """Given to pytest by `osh-conformance live`: its suite goes in, what was found comes out in the run."""

    def __init__(self, suite: LiveSuite, run: Run, progress: Progress) -> None:
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

    def __init__(self, suite: LiveSuite, run: Run, progress: Progress, expectations: Expectations) -> None:
        self._suite = suite
        self._run = run
        self._progress = progress
        self._expectations = expectations
        self._wanted = 0
        self._stage: Stage | None = None
        self._closing = contextlib.ExitStack()
        self._failure: SuiteError | None = None
        self._pool = ThreadPoolExecutor(max_workers=max(1, suite.request.parallel), thread_name_prefix="cell")
        self._judged: dict[str, Future[Judged]] = {}
        run.errors += [error_finding(error, Path(chart).name) for chart, error in suite.errors.items()]

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Make an item for each pair and each rule that both its scenario and the test stand for."""
        if _ITEM not in metafunc.fixturenames:
            return
        marker = metafunc.definition.get_closest_marker("live_rules")
        rules = marker.args if marker else ()
        wanted = [(pair, rule) for pair in self._suite.pairs for rule in rules if rule in pair.scenario.rules]
        self._wanted += len(wanted)
        metafunc.parametrize(_ITEM, wanted, ids=[f"{pair.id}-{rule}" for pair, rule in wanted], scope="function")

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Iterator[None]:
        """Open the stage before all items. A stage that does not open is the error of each of them."""
        pairs = list({pair.id: pair for item in session.items for pair in _pairs_of(item)}.values())
        if pairs and not session.config.option.collectonly:
            self._open(pairs, session.config)
        try:
            return (yield)
        finally:
            if self._stage:
                self._stage.cancel.set()
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._report_cells()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self) -> Iterator[None]:
        """Close the stage last: after an interruption pytest ends the fixtures here, and they have namespaces on it."""
        try:
            return (yield)
        finally:
            self._closing.close()

    def _open(self, pairs: list[Pair], config: pytest.Config) -> None:
        try:
            self._stage = self._closing.enter_context(stages.opened(self._suite, pairs, self._progress))
        except SuiteError as error:
            self._failure = error
            return
        self._run.kubernetes = self._stage.kubernetes
        # pytest-helm-charts' fixtures are pointed at the same cluster.
        config.option.kubeconfig = str(self._stage.kubeconfig)
        config.option.cluster_type = "kind" if self._stage.cluster.owned else "existing"
        config.option.cluster_version = self._stage.kubernetes

    @pytest.fixture
    def judged(self, request: pytest.FixtureRequest, assertion: tuple[Pair, str]) -> Judged:
        """What the item's pair showed. The first item of a module starts all pairs of that module."""
        pair, rule = assertion
        try:
            if self._stage is None:
                raise self._failure or SuiteError("there is no cluster")
            self._start(request, self._stage)
            return self._judged[pair.id].result()
        except SuiteError as error:
            command = self._suite.command(pair)
            self._run.add_error(
                pair.subject.name, rule, error, reproduce=command, cell=pair.cell.id, scenario=pair.scenario.name
            )
            pytest.fail(f"ERROR {pair.id}: {error}", pytrace=False)

    @pytest.fixture
    def live_verdict(self, judged: Judged, assertion: tuple[Pair, str]) -> Verdict:
        """What the item's rule says of the observation."""
        pair, rule = assertion
        verdict = self._expectations.applied_live(self._suite.finished(judged.verdicts[rule]))
        self._run.add(pair.subject.name, verdict, cell=pair.cell.id, scenario=pair.scenario.name)
        return verdict

    def _start(self, request: pytest.FixtureRequest, stage: Stage) -> None:
        module = request.node.getparent(pytest.Module)
        items = [item for item in request.session.items if item.getparent(pytest.Module) is module]
        for pair in (pair for item in items for pair in _pairs_of(item)):
            if pair.id not in self._judged:
                self._judged[pair.id] = self._submit(request, pair, stage)

    def _submit(self, request: pytest.FixtureRequest, pair: Pair, stage: Stage) -> Future[Judged]:
        try:
            namespace = stage.ready(pair).namespace
        except SuiteError as error:
            failed: Future[Judged] = Future()
            failed.set_exception(error)
            return failed
        make: Callable[..., Any] = request.getfixturevalue("namespace_factory")
        make(namespace, extra_metadata={"labels": {"osh-conformance.cell": pair.cell.id[-63:].strip("-")}})
        return self._pool.submit(self._judge, pair, stage)

    def _judge(self, pair: Pair, stage: Stage) -> Judged:
        with self._progress.step(f"cell {pair.id}"):
            return stage.run(pair)

    def _report_cells(self) -> None:
        done = [check for check in self._run.checks if check.cell and check.status is not Status.ERROR]
        self._run.all_scenarios = not self._suite.request.scenarios and 0 < self._wanted == len(done)
        cells = {pair.cell.id: pair for pair in self._suite.pairs}
        for cell_id, pair in cells.items():
            checks = [check for check in self._run.checks if check.cell == cell_id]
            if checks:
                self._run.cells.append(self._cell_report(pair, {check.status for check in checks}))

    def _cell_report(self, pair: Pair, statuses: set[Status]) -> CellReport:
        ids = [other.id for other in self._suite.pairs if other.cell == pair.cell]
        futures = [self._judged[name] for name in ids if name in self._judged]
        done = [f.result() for f in futures if f.done() and not f.cancelled() and not f.exception()]
        status = "fail" if Status.FAIL in statuses else "error" if Status.ERROR in statuses else "pass"
        origins = {image.origin for judged in done for image in judged.observation.images}
        return CellReport(
            id=pair.cell.id,
            chart=pair.cell.chart,
            flavor=pair.cell.flavor,
            origin=", ".join(sorted(origins)),
            format=pair.cell.format,
            runtime=done[0].observation.node_runtime if done else pair.cell.runtime,
            helm=str(pair.cell.helm),
            status=status,
            seconds=sum(sum(judged.observation.seconds.values()) for judged in done),
            artifacts=next((judged.artifacts for judged in done if judged.artifacts), ""),
        )


def _pairs_of(item: pytest.Item) -> list[Pair]:
    callspec = getattr(item, "callspec", None)
    value = callspec.params.get(_ITEM) if callspec else None
    return [value[0]] if isinstance(value, tuple) else []
