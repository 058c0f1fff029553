"""Makes the report of a cell from the results of its cell runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.live import proofs
from osh_conformance.model.finding import Status
from osh_conformance.model.result import CellReport
from osh_conformance.plan.cells import LeftOutError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from concurrent.futures import Future

    from osh_conformance.live.cell import CellResult
    from osh_conformance.model.matrix import Cell
    from osh_conformance.model.result import Check


def ended_well(future: Future[CellResult]) -> bool:
    """Return whether a cell run has a result: it was not cancelled, and no error ended it."""
    return future.done() and not future.cancelled() and not future.exception()


def report_of(cell: Cell, futures: Sequence[Future[CellResult]], checks: Sequence[Check]) -> CellReport:
    """Return the report of a cell: `futures` are its cell runs, `checks` the results of its rules."""
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
        artifacts=next((result.artifacts for result in results if result.artifacts), ""),
        usage=_usage(results),
    )


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


def _usage(results: Sequence[CellResult]) -> Mapping[str, Sequence[Mapping[str, int]]]:
    """Return by scenario what each uninstall left, for the scenarios that ran more than once."""
    observations = [result.observation for result in results if result.observation.usage]
    return {seen.scenario.name: [usage.numbers for usage in seen.usage] for seen in observations}
