"""The live engine: runs cell runs side by side on one cluster, and emits what they show as events.

It knows threads, futures and cancellation, and no pytest. Its caller opens it, starts cell runs, requests
results and verdicts, and finishes and closes it.
"""

from __future__ import annotations

import contextlib
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from osh_conformance.errors import SuiteError
from osh_conformance.live import cell as cells
from osh_conformance.live import proofs
from osh_conformance.live import session as sessions
from osh_conformance.live.cell_report import ended_well, left_out_report, report_of
from osh_conformance.live.shared_releases import SharedReleases
from osh_conformance.model.event import CellFinished, ClusterOpened, ErrorFound, ResultFound, ScenariosFinished
from osh_conformance.model.finding import Status
from osh_conformance.model.result import error_finding
from osh_conformance.model.scenario import ScenarioGroup
from osh_conformance.plan import timings
from osh_conformance.plan.capacity import carried
from osh_conformance.plan.cells import new_namespace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from osh_conformance.config.expectations import Expectations
    from osh_conformance.live.cell import CellResult
    from osh_conformance.live.session import LiveSession
    from osh_conformance.model.event import Event
    from osh_conformance.model.finding import Verdict
    from osh_conformance.model.matrix import Cell
    from osh_conformance.model.observation import ResourceUsage
    from osh_conformance.model.result import Check
    from osh_conformance.plan.cells import CellRun
    from osh_conformance.plan.plan import LiveSuite
    from osh_conformance.progress import Progress

    #: Creates a namespace of this name with these labels.
    CreateNamespace = Callable[[str, Mapping[str, str]], object]


class LiveEngine:
    """Runs the cell runs of a suite. Only the thread that made it may call its methods."""

    def __init__(
        self,
        suite: LiveSuite,
        expectations: Expectations,
        progress: Progress,
        emit: Callable[[Event], None],
        usage_table: Callable[[Sequence[ResourceUsage]], str],
    ) -> None:
        """Start nothing yet. `emit` gets every event, in the caller's thread.

        `usage_table` returns as text what a scenario left after each of its uninstalls, for the progress.
        """
        self.suite = suite
        self.session: LiveSession | None = None
        self._shared: SharedReleases | None = None
        self._expectations = expectations
        self._progress = progress
        self._emit = emit
        self._usage_table = usage_table
        self._closing = contextlib.ExitStack()
        self._watching = contextlib.ExitStack()
        self._failure: SuiteError | None = None
        self._pool = ThreadPoolExecutor(max_workers=_parallel(suite), thread_name_prefix="cell")
        self._futures: dict[str, Future[CellResult]] = {}
        self._checks: list[Check] = []

    # -- one run ------------------------------------------------------------------------------------------------------

    def report_unreadable(self) -> None:
        """Emit an error for each chart that cannot be read."""
        for chart, error in self.suite.errors.items():
            self._emit(ErrorFound(error=error_finding(error, Path(chart).name)))

    def open(self, cell_runs: Iterable[CellRun]) -> LiveSession | None:
        """Open the cluster for these cell runs. If that fails, return None: each result raises the error."""
        started = tuple(cell_runs)
        try:
            self.session = self._closing.enter_context(sessions.open_session(self.suite, started, self._progress))
        except SuiteError as error:
            self._failure = error
            return None
        self._shared = SharedReleases(self.session)
        self._watching.enter_context(self._progress.watching("cells", len(started), self._ended))
        self._emit(ClusterOpened(kubernetes=self.session.kubernetes, versions=self.session.versions()))
        return self.session

    def start(self, cell_run: CellRun, create_namespace: CreateNamespace) -> None:
        """Create the namespace of a cell run, and run it in a thread, unless it was started before."""
        if cell_run.id in self._futures or self.session is None or self._shared is None:
            return
        self._futures[cell_run.id] = self._submit(cell_run, self.session, self._shared, create_namespace)

    def result(self, cell_run: CellRun) -> CellResult:
        """Return the result of a cell run that was started. Raises `SuiteError`, and `LeftOutError` as `run_cell`."""
        self.required_session()
        return self._futures[cell_run.id].result()

    def required_session(self) -> LiveSession:
        """Return the open session; raises `SuiteError` with the reason if there is none."""
        if self.session is None:
            raise self._failure or SuiteError("there is no cluster")
        return self.session

    def judge(self, cell_run: CellRun, rule: str) -> Verdict:
        """Return the verdict of a rule on a finished cell run, and emit it. Raises as `result` does."""
        result = self.result(cell_run)
        verdict = result.verdicts[rule] if rule in result.verdicts else self._compared(cell_run, rule, result)
        return self._emit_verdict(cell_run, verdict)

    def record_error(self, cell_run: CellRun, rule: str, error: SuiteError) -> None:
        """Emit that an error kept a rule from a verdict."""
        self._record(
            ResultFound.broken(
                cell_run.target.name,
                rule,
                error,
                reproduce=self.suite.command(cell_run),
                cell=cell_run.cell.id,
                scenario=cell_run.scenario.name,
            )
        )

    def record_defect(self, error: SuiteError) -> None:
        """Emit an error of this program, which must not look like a chart that conforms."""
        self._emit(ErrorFound(error=error_finding(error)))

    def prove(self, cell: Cell) -> str:
        """Return what shows that a cell had its format and runtime. Raises the first error of its cell runs."""
        results: list[CellResult] = []
        failures: list[SuiteError] = []
        # Wait for all of them, also after a failure: their namespaces end with the caller's.
        for cell_run in self.cell_runs_of(cell):
            try:
                results.append(self.result(cell_run))
            except SuiteError as error:
                failures.append(error)
        if failures:
            raise failures[0]
        return "; ".join(dict.fromkeys(proofs.describe(result.observation) for result in results))

    def cell_runs_of(self, cell: Cell) -> tuple[CellRun, ...]:
        """Return the cell runs of a cell, one for each scenario."""
        return tuple(cell_run for cell_run in self.suite.cell_runs if cell_run.cell == cell)

    def finish(self, assertions: Iterable[tuple[CellRun, str]]) -> None:
        """Cancel what still runs, and emit the rest: verdicts without an item so far, and a report of each cell.

        `assertions` are the cell runs and rules of this run.
        """
        if self.session:
            self.session.cancel.set()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._watching.close()
        self._emit_unreported(assertions)
        self._emit_cells()
        self._emit(ScenariosFinished(complete=self._is_complete()))
        if self.session:
            timings.note(self.session.tools.folders, self._seconds())

    def close(self) -> None:
        """Remove the cluster."""
        self._closing.close()

    def _ended(self) -> int:
        """Return how many cell runs have ended."""
        return sum(future.done() for future in tuple(self._futures.values()))

    # -- running ------------------------------------------------------------------------------------------------------

    def _submit(
        self, cell_run: CellRun, session: LiveSession, shared: SharedReleases, create_namespace: CreateNamespace
    ) -> Future[CellResult]:
        namespace = new_namespace(cell_run.cell, cell_run.scenario)
        create_namespace(namespace, session.labels(cell_run))
        return self._pool.submit(self._run, cell_run, session, shared, namespace)

    def _run(self, cell_run: CellRun, session: LiveSession, shared: SharedReleases, namespace: str) -> CellResult:
        """Run a cell in a thread of the pool."""
        try:
            with self._progress.step(f"cell {cell_run.id}"), self._progress.doing(cell_run.id, "prepare"):
                result = cells.run_cell(session, shared, cell_run, namespace)
        except SuiteError as error:
            if not session.cancel.is_set():
                self._progress.say(f"       {error.message.partition(chr(10))[0]}")
            raise
        finally:
            session.remove_namespace(namespace)
        if result.observation.usage:
            self._progress.say(self._usage_table(result.observation.usage))
        return result

    def _compared(self, cell_run: CellRun, rule: str, result: CellResult) -> Verdict:
        """Apply a rule that compares a cell with the others of its chart, as far as they have a result."""
        futures = [self._futures.get(other.id) for other in self.suite.comparable(cell_run)]
        others = [future.result().observation for future in futures if future and not future.exception()]
        return cells.compare(self.required_session(), cell_run, rule, result.observation, others)

    # -- emitting -----------------------------------------------------------------------------------------------------

    def _emit_verdict(self, cell_run: CellRun, verdict: Verdict) -> Verdict:
        expected = self._expectations.applied_live(self.suite.graded(verdict, cell_run))
        self._record(
            ResultFound.of(cell_run.target.name, expected, cell=cell_run.cell.id, scenario=cell_run.scenario.name)
        )
        return expected

    def _record(self, event: ResultFound) -> None:
        self._checks.append(event.check)
        self._emit(event)

    def _emit_unreported(self, assertions: Iterable[tuple[CellRun, str]]) -> None:
        """Emit the verdicts of finished cell runs whose items an interruption prevented."""
        reported = {(check.cell, check.scenario, check.rule) for check in self._checks}
        for cell_run, rule in assertions:
            future = self._futures.get(cell_run.id)
            if not future or not ended_well(future):
                continue
            verdicts = future.result().verdicts
            if rule in verdicts and (cell_run.cell.id, cell_run.scenario.name, rule) not in reported:
                self._emit_verdict(cell_run, verdicts[rule])

    def _emit_cells(self) -> None:
        """Emit a report of each cell that was started or has a result, then of each one that was left out."""
        for cell in {cell_run.cell.id: cell_run.cell for cell_run in self.suite.cell_runs}.values():
            cell_runs = self.cell_runs_of(cell)
            futures = [self._futures[cell_run.id] for cell_run in cell_runs if cell_run.id in self._futures]
            checks = [check for check in self._checks if check.cell == cell.id]
            if futures or checks:
                self._emit(CellFinished(cell=report_of(cell, cell_runs, futures, checks)))
        for left_out in self.suite.left_out:
            self._emit(CellFinished(cell=left_out_report(left_out.cell, left_out.reason)))

    def _is_complete(self) -> bool:
        """Return whether every rule of every cell run has a verdict, in a run of the whole main group."""
        expected = {(run.cell.id, run.scenario.name, rule) for run in self.suite.cell_runs for rule in run.rules}
        done = {(check.cell, check.scenario, check.rule) for check in self._checks if check.status is not Status.ERROR}
        options = self.suite.options
        return not options.scenarios and not options.reduced and bool(expected) and expected <= done

    def _seconds(self) -> dict[str, float]:
        """Return by cell run the seconds of those that ended well."""
        done = {name: future.result() for name, future in self._futures.items() if ended_well(future)}
        shared = self._shared.seconds() if self._shared else {}
        return {**shared, **{name: sum(result.observation.seconds.values()) for name, result in done.items()}}


def _parallel(suite: LiveSuite) -> int:
    """Return how many cell runs run at a time: one if a scenario affects the whole cluster."""
    if any(scenario.group is ScenarioGroup.ENVIRONMENT for scenario in suite.scenarios):
        return 1
    return suite.options.parallel or carried()
