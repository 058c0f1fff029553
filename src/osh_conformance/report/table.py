"""The table at the end of a live run: one line for each scenario on each cell, one column for each rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.model.finding import Status

if TYPE_CHECKING:
    from osh_conformance.report.run import CellReport, Run

_WORDS = {Status.FAIL: "FAIL", Status.ERROR: "ERROR", Status.NOT_APPLICABLE: "n/a"}


def cells(run: Run) -> str:
    """Return the table, "" for a run without cells."""
    asked = {(check.cell, check.scenario, check.rule): check.status for check in run.checks if check.cell}
    if not asked:
        return ""
    rules = sorted({rule for _, _, rule in asked})
    head = ["chart", "flavor", "images", "runtime", "helm", "scenario", *rules]
    lines = [head]
    for cell in run.cells:
        for scenario in sorted({scenario for name, scenario, _ in asked if name == cell.id}):
            outcomes = [_word(asked.get((cell.id, scenario, rule))) for rule in rules]
            lines.append([*_described(cell), scenario, *outcomes])
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join(
        "  ".join(f"{word:<{width}}" for word, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def _described(cell: CellReport) -> list[str]:
    return [cell.chart, cell.flavor, f"{cell.format} ({cell.origin})", cell.runtime, cell.helm]


def _word(status: Status | None) -> str:
    return "-" if status is None else _WORDS.get(status, status.value)
