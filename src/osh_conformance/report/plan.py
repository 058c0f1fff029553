"""A plan as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.counting import plural
from osh_conformance.progress import duration
from osh_conformance.report.tables import aligned, left_out

if TYPE_CHECKING:
    from collections.abc import Iterator

    from osh_conformance.model.reduction import Reduction
    from osh_conformance.plan.estimate import NeededImage, RunPlan, SharedChart

_MINUTE = 60


def text(plan: RunPlan) -> str:
    """Return the cells with their times, the cells left out with reasons, and the images to pull or build first."""
    return "\n".join(_lines(plan))


def _lines(plan: RunPlan) -> Iterator[str]:
    head = ["chart", "flavor", "format", "runtime", "helm", "time", "scenarios"]
    rows = [
        [
            each.cell.chart,
            each.cell.flavor,
            each.cell.packaging_format,
            each.cell.runtime,
            str(each.cell.helm_major),
            f"{'' if each.measured else '~'}{each.seconds:.0f} s",
            ", ".join(each.scenarios),
        ]
        for each in plan.cells
    ]
    yield from aligned([head, *rows]) if rows else ["nothing to run"]
    if plan.shared:
        yield ""
        yield "shared by the cells, installed once:"
        yield from aligned([["", *_shared(each)] for each in plan.shared])
    if plan.servers:
        yield ""
        yield "servers of its own in each cell whose scenario is about the whole service:"
        yield from aligned([["", chart, ", ".join(servers)] for chart, servers in plan.servers.items()])
    if plan.reductions:
        yield ""
        yield "reduced to the Jobs that create and drop the database, and what these use:"
        for chart, reduction in plan.reductions.items():
            yield from (f"  {line}" for line in _reduced(chart, reduction))
    if plan.left_out:
        yield ""
        yield "left out:"
        yield from aligned([["", *row] for row in left_out((each.cell.id, each.reason) for each in plan.left_out)])
    if plan.needed:
        yield ""
        yield "images to pull or build first:"
        yield from aligned([["", each.reference, _how(each)] for each in plan.needed])
    if plan.privileged:
        yield ""
        yield "privileges beyond a namespace, allowed by --allow-privileged:"
        yield from aligned([["", chart, line] for chart, lines in plan.privileged.items() for line in lines])
    yield ""
    yield (
        f"{plural(len(plan.cells), 'cell')}, {plan.parallel} at a time: "
        f"about {duration(plan.seconds)} with all images in place"
        + (f", and {duration(plan.minutes_to_build * _MINUTE)} to build images first" if plan.minutes_to_build else "")
    )
    if not (all(each.measured for each in plan.cells) and all(each.measured for each in plan.shared)):
        yield "~ an estimate from other cells: this one has not run on this machine"


def _reduced(chart: str, reduction: Reduction) -> Iterator[str]:
    """Yield what is left of a chart: its Jobs, the toggles that stay on, and workloads that no toggle switches off."""
    kept = f"{len(reduction.kept)} of {reduction.toggles} toggles {'stays' if len(reduction.kept) == 1 else 'stay'} on"
    yield f"{chart}: {', '.join(reduction.anchors)}; {kept}"
    yield from (f"  {path}: {reason}" for path, reason in reduction.kept.items())
    if reduction.left:
        yield f"  installed too, and not waited for: {', '.join(reduction.left)}"


def _shared(chart: SharedChart) -> Iterator[str]:
    yield f"{chart.chart} ({chart.flavor})"
    yield f"with {', '.join(chart.servers)}"
    yield f"{'' if chart.measured else '~'}{chart.seconds:.0f} s"
    yield f"for {', '.join(chart.users)}"


def _how(image: NeededImage) -> str:
    if image.problem:
        return f"missing: {image.problem}"
    if image.minutes is None:
        return "pulled from its registry"
    return f"{image.origin} by a recipe, about {image.minutes:g} min"
