"""Plans that tests print and add up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.model.matrix import Cell
from osh_conformance.plan.estimate import PlannedCell, RunPlan

if TYPE_CHECKING:
    from osh_conformance.plan.cells import LeftOut


def planned(flavor: str, seconds: float, *, measured: bool = True) -> PlannedCell:
    cell = Cell(chart="keystone", path="charts/keystone", flavor=flavor)
    return PlannedCell(cell=cell, scenarios=("drop-enabled",), seconds=seconds, longest=seconds, measured=measured)


def plan(*cells: PlannedCell, parallel: int = 1, left_out: tuple[LeftOut, ...] = (), **more: object) -> RunPlan:
    return RunPlan(cells=cells, left_out=left_out, needed=more.get("needed", ()), parallel=parallel)  # type: ignore[arg-type]
