"""Makes the report of a cell from the results of its cell runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.live import proofs
from osh_conformance.live.removed_data import removed_data
from osh_conformance.model.finding import Status
from osh_conformance.model.result import CellReport
from osh_conformance.plan.cells import LeftOutError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from concurrent.futures import Future

    from osh_conformance.live.cell import CellResult
    from osh_conformance.model.matrix import Cell
    from osh_conformance.model.result import Check
    from osh_conformance.plan.cells import CellRun


def ended_well(future: Future[CellResult]) -> bool:
    """Return whether a cell run has a result: it was not cancelled, and no error ended it."""
    return future.done() and not future.cancelled() and not future.exception()


def report_of(
    cell: Cell, cell_runs: Sequence[CellRun], futures: Sequence[Future[CellResult]], checks: Sequence[Check]
) -> CellReport:
    """Return the report of a cell: `futures` are those of its cell runs that started, `checks` its rules' results."""
    results = [future.result() for future in futures if ended_well(future)]
    reason = _left_out_reason(futures)
    if reason and not results:
        return left_out_report(cell, reason)
    errors = [check.reason for check in checks if check.status is Status.ERROR]
    return CellReport(
        id=cell.id,
        chart=cell.chart,
        flavor=cell.flavor,
        origin=_origins(results),
        packaging_format=cell.packaging_format,
        runtime=proofs.runtime_shown(results[0].observation) if results else cell.runtime,
        helm_major=cell.helm_major,
        status=_status(checks),
        reason=errors[0] if errors else "",
        proof=_proof(results),
        seconds=sum(sum(result.observation.seconds.values()) for result in results),
        artifacts=_artifacts(results),
        reduced=next((sentence for cell_run in cell_runs if (sentence := reduced_sentence(cell_run))), ""),
        images=_images(results),
        switch=next((cell_run.convention.db_drop for cell_run in cell_runs), ""),
        removed=tuple(removed for result in results for removed in removed_data(result.observation)),
        usage=_usage(results),
    )


def reduced_sentence(cell_run: CellRun) -> str:
    """Say what a reduced run installed of the chart, and with whose images; "" for a run of the whole chart."""
    reduction, flavor = cell_run.reduction, cell_run.axes.flavor
    if reduction is None:
        return ""
    parts = ["reduced to the Jobs that create and drop the database, and what these use"]
    if reduction.kept:
        parts.append(f"{len(reduction.kept)} of {reduction.toggles} toggles stay on: {', '.join(reduction.kept)}")
    if reduction.left:
        parts.append(f"installed too, and not waited for: {', '.join(reduction.left)}")
    own = "the chart's own" if flavor.shipped else f"those of flavor {flavor.name}, not the chart's own"
    return "; ".join([*parts, f"the images are {own}"])


def left_out_report(cell: Cell, reason: str) -> CellReport:
    """Return the report of a cell that this run cannot have."""
    return CellReport(
        id=cell.id,
        chart=cell.chart,
        flavor=cell.flavor,
        origin="",
        packaging_format=cell.packaging_format,
        runtime=cell.runtime,
        helm_major=cell.helm_major,
        status="skipped",
        reason=reason,
    )


def _left_out_reason(futures: Sequence[Future[CellResult]]) -> str:
    """Return why a cell run was left out once the cluster was there, "" if none was."""
    errors = [future.exception() for future in futures if future.done() and not future.cancelled()]
    return next((error.message for error in errors if isinstance(error, LeftOutError)), "")


def _status(checks: Sequence[Check]) -> str:
    statuses = {check.status for check in checks}
    return "fail" if Status.FAIL in statuses else "error" if Status.ERROR in statuses else "pass"


def _origins(results: Sequence[CellResult]) -> str:
    return ", ".join(sorted({origin for result in results for origin in proofs.origins(result.observation)}))


def _proof(results: Sequence[CellResult]) -> str:
    return "; ".join(dict.fromkeys(filter(None, (proofs.describe(result.observation) for result in results))))


def _images(results: Sequence[CellResult]) -> tuple[str, ...]:
    """Return the references of the containers that ran."""
    containers = [container for result in results for container in result.observation.containers]
    return tuple(sorted({container.image for container in containers if container.ran}))


def _artifacts(results: Sequence[CellResult]) -> str:
    """Return the folder of the first cell run that failed; without one, of the first that kept anything."""
    kept = sorted((result for result in results if result.artifacts), key=lambda result: not result.failed)
    return kept[0].artifacts if kept else ""


def _usage(results: Sequence[CellResult]) -> Mapping[str, Sequence[Mapping[str, int]]]:
    """Return by scenario what each uninstall left, for the scenarios that ran more than once."""
    observations = [result.observation for result in results if result.observation.usage]
    return {seen.scenario.name: [usage.numbers for usage in seen.usage] for seen in observations}
