"""Names the cells of a run, and works out the values that a cell gives to its chart."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from osh_conformance.charts import conventions
from osh_conformance.charts.values import merged
from osh_conformance.errors import SuiteError
from osh_conformance.model.matrix import Cell
from osh_conformance.plan import cell_values

if TYPE_CHECKING:
    from collections.abc import Mapping

    from osh_conformance.charts.target import ChartTarget
    from osh_conformance.model.convention import Convention
    from osh_conformance.model.matrix import AxisValues, Flavor
    from osh_conformance.model.scenario import Scenario

#: The name of the runtime that the nodes have by default.
OWN_RUNTIME = "default"
#: The coordinates of a cell's database server. Each cell adds a password of its own.
DATABASE: Mapping[str, str | int] = {"host": "mariadb", "port": 3306, "username": "root"}


class LeftOutError(SuiteError):
    """This machine or cluster lacks a value of an axis, and the user requested it only as one of `all`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CellRun:
    """One scenario on one cell: the unit of a live run. `rules` are the ids of the rules that check it.

    `flavor_named` and `runtime_named` say whether the user named the value, or requested `all`.
    """

    target: ChartTarget
    cell: Cell
    scenario: Scenario
    axes: AxisValues
    rules: tuple[str, ...]
    flavor_named: bool = True
    runtime_named: bool = True

    @property
    def convention(self) -> Convention:
        """The convention of the chart."""
        return convention_of(self.target)

    @property
    def id(self) -> str:
        """The name in test ids, timings and artifact folders."""
        return f"{self.cell.id}-{self.scenario.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A cell that `all` requests, and that this run cannot have."""

    cell: Cell
    reason: str


def convention_of(target: ChartTarget) -> Convention:
    """Return the convention of a chart that is part of a live run: it has one."""
    if target.convention is None:
        raise SuiteError(f"{target.path}: its values follow no known convention")
    return target.convention


def unavailable(message: str, *, named: bool, details: str = "") -> SuiteError:
    """Return the error for a value that the cluster lacks: `LeftOutError` unless the user named the value."""
    return SuiteError(message, details=details) if named else LeftOutError(message, details=details)


def cell_of(target: ChartTarget, axes: AxisValues) -> Cell:
    """Return the cell of a chart and one value of each axis."""
    return Cell(
        chart=target.name,
        path=str(target.path),
        flavor=axes.flavor.name,
        packaging_format=axes.packaging_format.name,
        runtime=axes.runtime.name if axes.runtime else OWN_RUNTIME,
        helm_major=axes.helm_major,
    )


def new_namespace(cell: Cell, scenario: Scenario) -> str:
    """Return a namespace name that no other run uses."""
    return f"cell-{cell.chart[:20]}-{scenario.name[:20]}-{secrets.token_hex(3)}"


def functions_of(target: ChartTarget, values: Mapping[str, Any] | None = None) -> Mapping[str, str]:
    """Return by image key the standard function of the key, "" for a component's.

    The keys are those of the chart with `values`; None means the values of the catalog entry and of the user.
    """
    convention, shipped = convention_of(target), target.files.values
    effective = merged(shipped.content, target.values if values is None else values)
    images = conventions.declared_images(convention, shipped, effective)
    return conventions.functions(convention, target.name, tuple(image.key for image in images))


def values_but_images(
    target: ChartTarget, flavor: Flavor, database: Mapping[str, str | int], *, drop: bool
) -> dict[str, Any]:
    """Return the values of a release without its image references, for a database server at these coordinates."""
    convention = convention_of(target)
    return merged(
        cell_values.live_values(convention, target.name, {"mariadb": database}),
        flavor.values,
        target.values,
        conventions.drop_values(convention, enabled=drop),
    )
