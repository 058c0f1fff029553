"""The values of a cell run as far as they are known before it has servers: enough to render its chart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from osh_conformance.charts.values import merged
from osh_conformance.plan import cell_values, servers, shared
from osh_conformance.plan.cells import own_values, values_but_images

if TYPE_CHECKING:
    from collections.abc import Mapping

    from osh_conformance.plan.cells import CellRun

_AUTHORITY = "of-no-server"


def planned_values(cell_run: CellRun, *, drop: bool) -> dict[str, Any]:
    """Return the values of a cell run, without image references, for servers in no namespace."""
    target, flavor, reduction = cell_run.target, cell_run.axes.flavor, cell_run.reduction
    values = values_but_images(target, flavor, components(cell_run), drop=drop, reduction=reduction)
    return merged(values, scenario_values(cell_run))


def components(cell_run: CellRun) -> Mapping[str, Mapping[str, str | int]]:
    """Return made-up coordinates of each component that the chart of a cell run uses."""
    return {**servers.unreachable(cell_run.target, cell_run.scenario), **shared.unreachable(cell_run)}


def scenario_values(cell_run: CellRun) -> dict[str, Any]:
    """Return the values that the scenario gives, with a certificate authority of no server."""
    target = cell_run.target
    return cell_values.scenario_values(
        cell_run.convention, target.name, cell_run.scenario, _AUTHORITY, own_values(target)
    )
