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
    from osh_conformance.model.reduction import Reduction
    from osh_conformance.model.scenario import Scenario

#: The format in which the suite's own registry serves an image unless another one is requested.
DEFAULT_FORMAT = "docker"
#: The name of the runtime that the nodes have by default.
OWN_RUNTIME = "default"


class LeftOutError(SuiteError):
    """This machine or cluster lacks a value of an axis, and the user requested it only as one of `all`."""


class UnfitError(SuiteError):
    """A live run cannot take a chart; the message is the reason, in one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CellRun:
    """One scenario on one cell: the unit of a live run. `rules` are the ids of the rules that check it.

    `flavor_named` and `runtime_named` say whether the user named the value, or requested `all`. `needs` are the shared
    charts (`plan/shared.py`) that the chart needs in this scenario. `reduction` is what a reduced run leaves of the
    chart, None in any other run.
    """

    target: ChartTarget
    cell: Cell
    scenario: Scenario
    axes: AxisValues
    rules: tuple[str, ...]
    flavor_named: bool = True
    runtime_named: bool = True
    needs: tuple[CellRun, ...] = ()
    reduction: Reduction | None = None

    @property
    def convention(self) -> Convention:
        """The convention of the chart."""
        return convention_of(self.target)

    @property
    def job_keys(self) -> tuple[str, ...]:
        """The image keys of the Jobs that create and drop the database, as far as a reduction has found them."""
        return self.reduction.keys if self.reduction else ()

    @property
    def id(self) -> str:
        """The name in test ids, timings and artifact folders."""
        return f"{self.cell.id}-{self.scenario.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A cell that this run cannot have, though it is asked for: as one of `all`, or as a chart of a tree."""

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


def unique_word(namespace: str) -> str:
    """Return the word by which what a cell run registers in a shared release is found: no other cell run has it."""
    return f"cell-{namespace.rpartition('-')[2]}"


def functions_of(target: ChartTarget, values: Mapping[str, Any] | None = None) -> Mapping[str, str]:
    """Return by image key the standard function of the key, "" for a component's.

    The keys are those of the chart with `values`; None means the values of the catalog entry and of the user.
    """
    convention, shipped = convention_of(target), target.files.values
    effective = merged(shipped.content, target.values if values is None else values)
    images = conventions.declared_images(convention, shipped, effective)
    return conventions.functions(convention, target.name, tuple(image.key for image in images))


def own_values(target: ChartTarget) -> dict[str, Any]:
    """Return the values that a chart has without a cell's: its own, with those of the catalog entry and of the user."""
    return merged(target.files.values.content, target.values)


def values_but_images(
    target: ChartTarget,
    flavor: Flavor,
    infrastructure: Mapping[str, Mapping[str, str | int]],
    *,
    drop: bool,
    reduction: Reduction | None = None,
) -> dict[str, Any]:
    """Return the values of a release without its image references, for components at these coordinates.

    Those that the user gives win over those of a `reduction`.
    """
    convention = convention_of(target)
    return merged(
        cell_values.live_values(convention, target.name, infrastructure, own_values(target)),
        flavor.values,
        reduction.values if reduction else {},
        target.values,
        conventions.drop_values(convention, enabled=drop),
    )
