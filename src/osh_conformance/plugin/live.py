"""`--live`: one item for each cell run and rule, and one for each cell, on a cluster that the live engine opens."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from osh_conformance import host
from osh_conformance.config import resolve
from osh_conformance.errors import SuiteError, install_extra
from osh_conformance.live.cell_report import reduced_sentence
from osh_conformance.live.engine import LiveEngine
from osh_conformance.live.removed_data import removed_data
from osh_conformance.loading.search import suite_folder
from osh_conformance.plain import plain, plain_lines
from osh_conformance.plan.cells import CellRun, LeftOut, LeftOutError
from osh_conformance.plan.plan import LiveSuite
from osh_conformance.plugin.fixtures import LIVE_PLUGIN, uses_cluster
from osh_conformance.plugin.markers import rules_of_test
from osh_conformance.plugin.outcome import explain, place_skip
from osh_conformance.progress import Progress
from osh_conformance.report import removals, tables
from osh_conformance.rules import registry

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Mapping

    from osh_conformance.check.engine import StaticEngine
    from osh_conformance.config.expectations import Expectations
    from osh_conformance.live.cell import CellResult
    from osh_conformance.live.session import LiveSession
    from osh_conformance.model.finding import Verdict
    from osh_conformance.report.base import Listeners

_ITEM = "assertion"
_CELL = "conformance_cell"


def register(config: pytest.Config, given: Mapping[str, Any], listeners: Listeners, static: StaticEngine) -> None:
    """Add the live half to a pytest run of a user; raises `pytest.UsageError` and `UsageError` for wrong options.

    `given` are the options of `config/options.py` by their destination, `static` is the static half of the run.
    """
    _check_usage(config)
    kubeconfig = config.getoption("kubeconfig", None)
    options = resolve.live_options({**given, "kubeconfig": Path(kubeconfig) if kubeconfig else None})
    progress = Progress()
    plugin = LivePlugin(LiveSuite(options, static.targets, progress), listeners, progress, static.expectations)
    config.pluginmanager.register(plugin, LIVE_PLUGIN)


def _check_usage(config: pytest.Config) -> None:
    for problem in host.live_problems():
        raise pytest.UsageError(f"--live does not run here. {problem}")
    if not hasattr(config.option, "kubeconfig"):
        raise pytest.UsageError(f"--live needs the extra `live`, with pytest-helm-charts: {install_extra('live')}")
    if config.getoption("numprocesses", None) or hasattr(config, "workerinput"):
        raise pytest.UsageError("--live runs its cells in parallel by itself, on one cluster: leave out -n")


class LivePlugin:
    """Makes the items of a live run, and gives each one the result of the engine."""

    def __init__(self, suite: LiveSuite, listeners: Listeners, progress: Progress, expectations: Expectations) -> None:
        self._engine = LiveEngine(suite, expectations, progress, listeners.handle, usage_table=tables.table)

    def required_session(self) -> LiveSession:
        """Return the open session; raises `SuiteError` if the cluster could not be opened."""
        return self._engine.required_session()

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Declare the marker of the suite's tests."""
        config.addinivalue_line(
            "markers", "live_rules(*ids): the live rules that a test stands for; `*`: those of no other test"
        )

    @pytest.hookimpl(trylast=True)
    def pytest_sessionstart(self) -> None:
        """Report the charts that cannot be read, once the run has started."""
        self._engine.report_unreadable()

    # -- items --------------------------------------------------------------------------------------------------------

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Make an item for each cell run and each of its rules that the test is marked with, or for each cell."""
        suite = self._engine.suite
        if _CELL in metafunc.fixturenames:
            cells: list[CellRun | LeftOut] = [*{each.cell.id: each for each in suite.cell_runs}.values()]
            cells += suite.left_out
            metafunc.parametrize(_CELL, cells, ids=[plain(each.cell.id) for each in cells], scope="function")
        if _ITEM not in metafunc.fixturenames:
            return
        registered = {**registry.live_rules(), **registry.matrix_rules()}
        marked = rules_of_test(metafunc.definition, "live_rules", suite_folder("live"), registered)
        assertions = [(each, rule) for each in suite.cell_runs for rule in marked if rule in each.rules]
        ids = [f"{plain(cell_run.id)}-{rule}" for cell_run, rule in assertions]
        metafunc.parametrize(_ITEM, assertions, ids=ids, scope="function")

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Remove the item that pytest makes of a test without parameters."""
        items[:] = [item for item in items if not _is_empty(item)]

    # -- the run ------------------------------------------------------------------------------------------------------

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Iterator[None]:
        """Open the cluster before the first item. If that fails, it is the error of each item."""
        cell_runs = {each.id: each for item in session.items for each in self._cell_runs_of(item)}
        if (cell_runs or any(map(uses_cluster, session.items))) and not session.config.option.collectonly:
            self._open(cell_runs.values(), session.config)
        try:
            return (yield)
        finally:
            assertions = [assertion for item in session.items if (assertion := _assertion_of(item))]
            self._engine.finish(assertions)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self) -> Iterator[None]:
        """Close the cluster last: after an interruption pytest ends the fixtures here, and they use it."""
        try:
            return (yield)
        finally:
            self._engine.close()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Record an exception of this program: it must not look like a chart that conforms."""
        report = yield
        raised = call.excinfo
        if raised and report.failed and _is_ours(item) and not raised.errisinstance(pytest.fail.Exception):
            self._engine.record_defect(SuiteError(f"{item.name}: {raised.exconly()}", details=report.longreprtext))
        verdict = getattr(item, "funcargs", {}).get("live_verdict")
        if call.when == "call" and verdict:
            explain(report, verdict)
            place_skip(report)
        return report

    def _open(self, cell_runs: Iterable[CellRun], config: pytest.Config) -> None:
        session = self._engine.open(cell_runs)
        if session:
            # The fixtures of pytest-helm-charts use the same cluster.
            config.option.kubeconfig = str(session.kubeconfig)
            config.option.cluster_type = "kind" if session.cluster.owned else "existing"
            config.option.cluster_version = session.kubernetes

    # -- fixtures -----------------------------------------------------------------------------------------------------

    @pytest.fixture
    def live_verdict(self, request: pytest.FixtureRequest, assertion: tuple[CellRun, str]) -> Verdict:
        """Return the verdict of the item's rule on its cell run. The first item of a module starts all of its cells."""
        cell_run, rule = assertion
        try:
            self._start_module(request)
            result = self._engine.result(cell_run)
        except LeftOutError as reason:
            pytest.skip(plain(f"left out: {reason.message}"))
        except SuiteError as error:
            self._engine.record_error(cell_run, rule, error)
            pytest.fail(plain_lines(f"ERROR {cell_run.id}: {error}"), pytrace=False)
        request.node.user_properties += properties_of(cell_run, result)
        return self._engine.judge(cell_run, rule)

    @pytest.fixture
    def proof(self, request: pytest.FixtureRequest, conformance_cell: CellRun | LeftOut) -> str:
        """Return what shows that a cell had its packaging format and runtime; skip a cell that was left out."""
        if isinstance(conformance_cell, LeftOut):
            pytest.skip(plain(f"left out: {conformance_cell.reason}"))
        try:
            self._start_module(request)
            return self._engine.prove(conformance_cell.cell)
        except LeftOutError as reason:
            pytest.skip(plain(f"left out: {reason.message}"))
        except SuiteError as error:
            pytest.fail(plain_lines(f"ERROR {conformance_cell.cell.id}: {error}"), pytrace=False)

    def _start_module(self, request: pytest.FixtureRequest) -> None:
        """Start every cell run of the item's module. Their namespaces belong to the module."""
        if self._engine.session is None:
            return

        def create(name: str, labels: Mapping[str, str]) -> None:
            factory: Callable[..., Any] = request.getfixturevalue("namespace_factory")
            factory(name, extra_metadata={"labels": dict(labels)})

        module = request.node.getparent(pytest.Module)
        for item in request.session.items:
            if item.getparent(pytest.Module) is module:
                for cell_run in self._cell_runs_of(item):
                    self._engine.start(cell_run, create)

    def _cell_runs_of(self, item: pytest.Item) -> tuple[CellRun, ...]:
        """Return the cell runs that an item needs: one for an assertion, those of all scenarios for a cell."""
        cell, assertion = _parameters(item).get(_CELL), _assertion_of(item)
        if isinstance(cell, CellRun):
            return self._engine.cell_runs_of(cell.cell)
        return (assertion[0],) if assertion else ()


def properties_of(cell_run: CellRun, result: CellResult) -> list[tuple[str, str]]:
    """Return what JUnit XML says of a cell run beside its verdicts: what its uninstalls did, and what was reduced."""
    texts = {"removed": removals.words(removed_data(result.observation)), "reduced": reduced_sentence(cell_run)}
    return [(name, text) for name, text in texts.items() if text]


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
