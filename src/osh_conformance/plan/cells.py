"""From charts, flavors and Helm majors to cells, and from a cell and a scenario to the plan that is run."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from osh_conformance.charts import conventions
from osh_conformance.charts.source import opened
from osh_conformance.charts.values import merged
from osh_conformance.errors import SuiteError
from osh_conformance.model.matrix import Cell
from osh_conformance.plan import cell_values

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from osh_conformance.model.convention import Convention
    from osh_conformance.model.matrix import Flavor
    from osh_conformance.model.scenario import Scenario
    from osh_conformance.plan.axes import AxisValues

    #: From a flavor's reference, the standard function of its key (or "") and the combination to the chart's reference.
    ImageOf = Callable[[str, str, AxisValues], str]

#: How a cell calls the container runtime that its nodes have by themselves.
OWN_RUNTIME = "default"
#: The coordinates of a cell's database server, but the password that each cell makes up.
DATABASE: Mapping[str, str | int] = {"host": "mariadb", "port": 3306, "username": "root"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A chart to run live: folder or archive, convention, and the values of its catalogue entry and of the user.

    `tests` is the folder or file of the chart's own tests, if it has any, `previous` its previous version.
    """

    name: str
    path: str
    chart: Path
    convention: Convention
    values: Mapping[str, Any]
    tests: Path | None = None
    previous: Path | None = None


def subject(  # noqa: PLR0913, PLR0917  (what a chart comes with)
    chart: Path,
    path: str,
    convention: Convention | None = None,
    values: Mapping[str, Any] | None = None,
    tests: Path | None = None,
    previous: Path | None = None,
    others: Sequence[Convention] = (),
) -> Subject:
    """Open a chart for live runs. Raises `SuiteError` where it is none, or follows no known convention.

    `others` are conventions beside those that come with the suite.
    """
    with opened(chart) as source:
        found = convention or conventions.recognise(source.values.content, others)
        if found is None:
            raise SuiteError(
                f"{path}: its values follow no known convention",
                expected=f"the layout of {' or '.join([*conventions.shipped(), *(each.name for each in others)])}",
                fix="describe the layout in a file and give it with --convention",
            )
        return Subject(
            name=source.name,
            path=path,
            chart=chart,
            convention=found,
            values=values or {},
            tests=tests,
            previous=previous,
        )


def image_keys(each: Subject) -> tuple[str, ...]:
    """The image keys of a chart, with the values of its catalogue entry and of the user."""
    return tuple(functions_of(each))


def functions_of(each: Subject, values: Mapping[str, Any] | None = None) -> Mapping[str, str]:
    """By image key the standard function that it performs, or ""; with `values`, by default the subject's own."""
    with opened(each.chart) as source:
        effective = merged(source.values.content, each.values if values is None else values)
        declared = conventions.declared_images(each.convention, source.values, effective)
        return conventions.functions(each.convention, source.name, tuple(image.key for image in declared))


def is_library(chart: Path) -> bool:
    """Whether the chart is a library: nothing in it can be installed."""
    with opened(chart) as source:
        return source.library


def cell(each: Subject, chosen: AxisValues) -> Cell:
    """The cell of a chart and one value of each axis."""
    return Cell(
        chart=each.name,
        path=each.path,
        flavor=chosen.flavor.name,
        format=chosen.form.name,
        runtime=chosen.runtime.name if chosen.runtime else OWN_RUNTIME,
        helm=chosen.major,
    )


def namespace(where: Cell, scenario: Scenario) -> str:
    """A name that no other run has."""
    return f"cell-{where.chart[:20]}-{scenario.name[:20]}-{secrets.token_hex(3)}"


def values_but_images(
    each: Subject, flavor: Flavor, database: Mapping[str, str | int], *, drop: bool
) -> dict[str, Any]:
    """The values of a release, but its image references: for a database server at these coordinates."""
    return merged(
        cell_values.live_values(each.convention, each.name, {"mariadb": database}),
        flavor.values,
        each.values,
        conventions.drop_values(each.convention, enabled=drop),
    )
