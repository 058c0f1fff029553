"""A plan as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.report.tables import aligned, left_out

if TYPE_CHECKING:
    from collections.abc import Iterator

    from osh_conformance.plan.estimate import NeededImage, RunPlan

_MINUTE = 60


def text(plan: RunPlan) -> str:
    """Return the cells with their times, what is left out and why, and what must be there first."""
    return "\n".join(_lines(plan))


def _lines(plan: RunPlan) -> Iterator[str]:
    head = ["chart", "flavor", "format", "runtime", "helm", "time", "scenarios"]
    rows = [
        [
            each.cell.chart,
            each.cell.flavor,
            each.cell.format,
            each.cell.runtime,
            str(each.cell.helm),
            f"{'' if each.measured else '~'}{each.seconds:.0f} s",
            ", ".join(each.scenarios),
        ]
        for each in plan.cells
    ]
    yield from aligned([head, *rows]) if rows else ["nothing to run"]
    if plan.left_out:
        yield ""
        yield "left out:"
        yield from aligned([["", *row] for row in left_out((each.cell.id, each.reason) for each in plan.left_out)])
    if plan.needed:
        yield ""
        yield "images that are not here yet:"
        yield from aligned([["", each.reference, _how(each)] for each in plan.needed])
    if plan.privileged:
        yield ""
        yield "allowed to have more than a namespace of their own:"
        yield from aligned([["", chart, line] for chart, lines in plan.privileged.items() for line in lines])
    yield ""
    yield (
        f"{_counted(len(plan.cells))}, {plan.parallel} at a time: about {_time(plan.seconds)} from images at hand"
        + (f", and {_time(plan.minutes_to_build * _MINUTE)} to build images first" if plan.minutes_to_build else "")
    )
    if any(not each.measured for each in plan.cells):
        yield "~ was never run here: as long as other cells take"


def _counted(cells: int) -> str:
    return "1 cell" if cells == 1 else f"{cells} cells"


def _how(image: NeededImage) -> str:
    if image.minutes is None:
        return "pulled from its registry, if that can be reached"
    return f"{image.origin} by a recipe, about {image.minutes:g} min"


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 2 * _MINUTE else f"{seconds / _MINUTE:.0f} min"
