"""The live engine without pytest and without a cluster: its threads, its events, and what it removes."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from osh_conformance.config.engine_options import LiveOptions
from osh_conformance.config.expectations import Expectations
from osh_conformance.errors import SuiteError
from osh_conformance.folders import Folders
from osh_conformance.live import cell as cells
from osh_conformance.live import session as sessions
from osh_conformance.live.cell import CellResult
from osh_conformance.live.engine import LiveEngine
from osh_conformance.model.event import CellFinished, ClusterOpened, ErrorFound, ResultFound, ScenariosFinished
from osh_conformance.model.finding import Verdict
from osh_conformance.plan.cells import LeftOutError
from osh_conformance.plan.plan import LiveSuite
from osh_conformance.progress import Progress
from tests.paths import KEYSTONE
from tests.unit import observations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from osh_conformance.model.event import Event
    from osh_conformance.plan.cells import CellRun


class _Session:
    """A cluster that only remembers its namespaces."""

    def __init__(self, folder: Path) -> None:
        self.kubernetes = "v1.36.1"
        self.tools = SimpleNamespace(folders=Folders(cache=folder / "cache", state=folder / "state"))
        self.cancel = threading.Event()
        self.created: dict[str, dict[str, str]] = {}
        self.removed: list[str] = []
        self.closed = False

    def labels(self, cell_run: CellRun) -> dict[str, str]:
        return {"cell": cell_run.cell.id}

    def create(self, name: str, labels: object) -> None:
        self.created[name] = dict(cast("Any", labels))

    def versions(self) -> dict[str, str]:
        return {"helm 4": "v4.0.1"}

    def remove_namespace(self, name: str) -> None:
        self.removed.append(name)


class _Driver:
    """Drives an engine on a `session`; `behave` is what each cell run does."""

    def __init__(self, session: _Session) -> None:
        self.session = session
        self.events: list[Event] = []
        self.behave: Callable[[CellRun], None] = lambda _cell_run: None

    def engine(self, **options: Any) -> LiveEngine:
        suite = LiveSuite(LiveOptions(paths=(KEYSTONE,), **{"scenarios": ("drop-enabled",), **options}))
        return LiveEngine(suite, Expectations(), Progress(quiet=True), self.events.append, usage_table=str)

    def run_cell(self, _session: object, _shared: object, cell_run: CellRun, _namespace: str) -> CellResult:
        self.behave(cell_run)
        verdicts = {rule: Verdict.of(rule, []) for rule in cell_run.rules if rule != "FLAV-1"}
        return CellResult(observation=observations.observation(), verdicts=verdicts)

    def run(self, engine: LiveEngine, rule: str = "DROP-4") -> None:
        """Do what pytest does with one rule: open, start and judge each cell run, finish."""
        assertions = [(cell_run, rule) for cell_run in engine.suite.cell_runs]
        engine.open(engine.suite.cell_runs)
        for cell_run in engine.suite.cell_runs:
            engine.start(cell_run, self.session.create)
        for cell_run in engine.suite.cell_runs:
            try:
                engine.judge(cell_run, rule)
            except LeftOutError:
                continue
            except SuiteError as error:
                engine.record_error(cell_run, rule, error)
        engine.finish(assertions)
        engine.close()

    def of(self, kind: type[Event]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


@pytest.fixture
def driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> _Driver:
    made = _Driver(_Session(tmp_path))

    @contextlib.contextmanager
    def open_session(*_arguments: object) -> Iterator[_Session]:
        yield made.session
        made.session.closed = True

    monkeypatch.setattr(sessions, "open_session", open_session)
    monkeypatch.setattr(cells, "run_cell", made.run_cell)
    return made


def test_the_engine_emits_the_cluster_the_results_the_cells_and_the_end_in_this_order(driver: _Driver) -> None:
    driver.run(driver.engine(flavors=("loci", "kolla")))
    assert [type(event) for event in driver.events] == [
        ClusterOpened,
        ResultFound,
        ResultFound,
        CellFinished,
        CellFinished,
        ScenariosFinished,
    ]
    assert [event.cell.status for event in driver.of(CellFinished)] == ["pass", "pass"]
    assert driver.of(ClusterOpened) == [ClusterOpened(kubernetes="v1.36.1", versions={"helm 4": "v4.0.1"})]
    for event in driver.of(CellFinished):
        assert event.cell.images == (observations.ENTRYPOINT, observations.SERVICE)
        assert event.cell.switch == "manifests.job_db_drop"
    assert driver.session.closed


def test_each_namespace_has_the_labels_of_its_cell_and_is_removed(driver: _Driver) -> None:
    def fails_on_loci(cell_run: CellRun) -> None:
        if cell_run.cell.flavor == "loci":
            raise SuiteError("no image")

    driver.behave = fails_on_loci
    driver.run(driver.engine(flavors=("loci", "kolla")))
    assert {labels["cell"] for labels in driver.session.created.values()} == {
        "keystone-loci-docker-default-helm4",
        "keystone-kolla-docker-default-helm4",
    }
    assert sorted(driver.session.removed) == sorted(driver.session.created)


def test_an_error_is_the_result_of_its_rule_and_the_reason_of_its_cell(driver: _Driver) -> None:
    def fails(_cell_run: CellRun) -> None:
        raise SuiteError("no image", fix="build it")

    driver.behave = fails
    driver.run(driver.engine())
    (result,), (finished,) = driver.of(ResultFound), driver.of(CellFinished)
    assert (result.check.status, result.error.found, result.error.fix) == ("error", "no image", "build it")
    assert "--scenario drop-enabled" in result.error.reproduce
    assert (finished.cell.status, finished.cell.reason) == ("error", "no image")


def test_a_cell_that_the_cluster_lacks_is_skipped_with_its_reason(driver: _Driver) -> None:
    def lacks(_cell_run: CellRun) -> None:
        raise LeftOutError("no registry answers")

    driver.behave = lacks
    driver.run(driver.engine())
    assert not driver.of(ResultFound)
    (finished,) = driver.of(CellFinished)
    assert (finished.cell.status, finished.cell.reason) == ("skipped", "no registry answers")


def test_a_cell_run_is_started_once(driver: _Driver) -> None:
    engine = driver.engine()
    engine.open(engine.suite.cell_runs)
    for _ in range(2):
        engine.start(engine.suite.cell_runs[0], driver.session.create)
    assert len(driver.session.created) == 1
    engine.finish(())


def test_finish_cancels_what_runs_and_emits_the_verdicts_without_an_item(driver: _Driver) -> None:
    begun = threading.Event()

    def waits_on_kolla(cell_run: CellRun) -> None:
        if cell_run.cell.flavor == "kolla":
            begun.set()
            driver.session.cancel.wait(60)
            raise SuiteError("interrupted")

    driver.behave = waits_on_kolla
    engine = driver.engine(flavors=("loci", "kolla"), parallel=2)
    engine.open(engine.suite.cell_runs)
    for cell_run in engine.suite.cell_runs:
        engine.start(cell_run, driver.session.create)
    engine.result(engine.suite.cell_runs[0])
    assert begun.wait(60)
    engine.finish([(cell_run, "DROP-4") for cell_run in engine.suite.cell_runs])
    assert [event.check.cell for event in driver.of(ResultFound)] == ["keystone-loci-docker-default-helm4"]
    assert sorted(driver.session.removed) == sorted(driver.session.created)
    assert driver.of(ScenariosFinished) == [ScenariosFinished(complete=False)]


@pytest.mark.parametrize(("scenarios", "complete"), [((), True), (("drop-enabled",), False)])
def test_only_a_run_of_the_whole_main_group_is_complete(
    scenarios: tuple[str, ...],
    complete: bool,  # noqa: FBT001  (a parameter)
    driver: _Driver,
) -> None:
    driver.run(driver.engine(scenarios=scenarios, select=("KEY-1",)), rule="KEY-1")
    assert driver.of(ScenariosFinished) == [ScenariosFinished(complete=complete)]


def test_a_run_in_which_a_rule_has_no_verdict_is_not_complete(driver: _Driver) -> None:
    driver.run(driver.engine(scenarios=(), select=("KEY-1", "PP-1")), rule="KEY-1")
    assert driver.of(ScenariosFinished) == [ScenariosFinished(complete=False)]


def test_a_cluster_that_does_not_open_is_the_error_of_each_result(
    driver: _Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def open_session(*_arguments: object) -> None:
        raise SuiteError("no engine")

    monkeypatch.setattr(sessions, "open_session", open_session)
    engine = driver.engine()
    assert engine.open(engine.suite.cell_runs) is None
    engine.start(engine.suite.cell_runs[0], driver.session.create)
    with pytest.raises(SuiteError, match="no engine"):
        engine.result(engine.suite.cell_runs[0])
    with pytest.raises(SuiteError, match="no engine"):
        engine.prove(engine.suite.cell_runs[0].cell)
    assert not driver.session.created


def test_a_rule_that_compares_cells_gets_the_observations_of_the_others(
    driver: _Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[int] = []

    def compare(_session: object, _run: object, rule: str, _observation: object, others: list[object]) -> Verdict:
        compared.append(len(others))
        return Verdict.of(rule, [])

    monkeypatch.setattr(cells, "compare", compare)
    driver.run(driver.engine(flavors=("loci", "kolla", "distribution")), rule="FLAV-1")
    assert compared == [2, 2, 2]


def test_a_chart_that_cannot_be_read_is_an_error_of_the_run(driver: _Driver) -> None:
    suite = LiveSuite(LiveOptions(paths=(Path("nowhere"), KEYSTONE)))
    LiveEngine(suite, Expectations(), Progress(quiet=True), driver.events.append, usage_table=str).report_unreadable()
    assert [event.error.found for event in driver.of(ErrorFound)] == ["nowhere does not exist"]
