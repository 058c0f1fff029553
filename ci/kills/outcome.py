"""The results of the rounds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The result of a round. `seconds` and `step`: the moment of the kill, or the time of a complete run."""

    name: str
    scenario: str
    variant: str
    seconds: float
    step: str
    collected: float | None
    left: tuple[str, ...]
    harmed: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing was left and no bystander changed."""
        return not self.left and not self.harmed


def table(rows: Iterable[Row]) -> str:
    """Return the rows as text, with a line of totals."""
    rows = tuple(rows)
    head = ("round", "scenario", "killed", "after s", "step", "gc s", "left", "intact")
    cells = [
        (
            row.name,
            row.scenario,
            row.variant,
            f"{row.seconds:.1f}",
            row.step,
            "-" if row.collected is None else f"{row.collected:.1f}",
            str(len(row.left)),
            "NO" if row.harmed else "yes",
        )
        for row in rows
    ]
    widths = [max(len(each) for each in column) for column in zip(head, *cells, strict=True)]
    lines = [
        "  ".join(text.ljust(width) for text, width in zip(each, widths, strict=True)).rstrip()
        for each in (head, *cells)
    ]
    kills = sum(row.collected is not None for row in rows)
    left, harmed = sum(len(row.left) for row in rows), sum(len(row.harmed) for row in rows)
    lines.append(f"{kills} killed, {len(rows) - kills} complete; left: {left}; changes to bystanders: {harmed}")
    return "\n".join(lines)
