"""The table at the end of a live run: one line for each scenario on each cell, one column for each rule."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from osh_conformance.model.finding import Status
from osh_conformance.report import removals

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from osh_conformance.model.observation import ResourceUsage
    from osh_conformance.model.result import CellReport
    from osh_conformance.report.result import RunReport

_WORDS = {Status.FAIL: "FAIL", Status.ERROR: "ERROR", Status.NOT_APPLICABLE: "n/a"}
_WORST = ("FAIL", "ERROR")
#: The heading of the column that says what the uninstalls did with the release's data.
_DATA = "data"
#: The heading of the column behind which each rule has one.
_CELL = "cell"
#: Words of a cell's id after its chart, at least: flavor, format, runtime and Helm.
_AFTER_CHART = 4


def cells(run: RunReport, width: int | None = None) -> str:
    """Return the table, what was reduced, and the cells that were left out with reasons; "" for a run without cells.

    A table that is wider than `width` becomes a few lines for each of its rows.
    """
    parts = ["\n".join(_fitting(_rows(run), width)), "\n".join(_reduced(run)), "\n".join(_reasons(run))]
    return "\n\n".join(part for part in parts if part)


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the rows as lines, each column as wide as its widest word."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(f"{word:<{width}}" for word, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _fitting(rows: Sequence[Sequence[str]], width: int | None) -> list[str]:
    lines = aligned(rows) if rows else []
    if width is None or all(len(line) <= width for line in lines):
        return lines
    heads, *others = rows
    first = heads.index(_CELL) + 1
    lines = []
    for row in others:
        pairs = zip(heads[first:], row[first:], strict=True)
        outcomes = ", ".join(f"{head} {word}" for head, word in pairs if word != "-")
        for text, indent in (("  ".join(row[:first]), ""), (outcomes, "  ")):
            lines += textwrap.wrap(text, width, initial_indent=indent, subsequent_indent=indent or "  ") if text else []
    return lines


def _rows(run: RunReport) -> list[list[str]]:
    statuses = {(check.cell, check.scenario, check.rule): check.status for check in run.checks if check.cell}
    if not statuses:
        return []
    rules = sorted({rule for _, _, rule in statuses})
    rows = [["chart", "flavor", "images", "runtime", "helm", "scenario", _CELL, *rules, _DATA]]
    for cell in run.cells:
        for scenario in sorted({scenario for name, scenario, _ in statuses if name == cell.id}):
            outcomes = [_word(statuses.get((cell.id, scenario, rule))) for rule in rules]
            data = removals.words(removed for removed in cell.removed if removed.scenario == scenario)
            rows.append([*_described(cell), scenario, _together_are(outcomes), *outcomes, data])
    return rows if any(row[-1] for row in rows[1:]) else [row[:-1] for row in rows]


def _together_are(outcomes: Sequence[str]) -> str:
    """Return the outcome of a scenario on a cell: the worst outcome of its rules."""
    return next((word for word in _WORST if word in outcomes), "pass")


def _reduced(run: RunReport) -> list[str]:
    """Return what the cells that ran reduced have in common, one line for all alike; what stayed on is in the JSON."""
    sentences = [(cell.id, cell.reduced.split("; ")) for cell in run.cells if cell.reduced]
    alike = left_out((name, "; ".join(dict.fromkeys((parts[0], parts[-1])))) for name, parts in sentences)
    hint = "; `plan` and --json FILE say what else stayed on" if any(len(parts) > 2 for _, parts in sentences) else ""  # noqa: PLR2004
    return [f"{names}: {sentence}{hint}" for names, sentence in alike]


def _reasons(run: RunReport) -> list[str]:
    broken = [[cell.status.upper(), cell.id, cell.reason] for cell in run.cells if cell.status == "error"]
    skipped = left_out((cell.id, cell.reason) for cell in run.cells if cell.status == "skipped")
    rows = [*broken, *(["skipped", *row] for row in skipped)]
    return aligned(rows) if rows else []


def left_out(cells: Iterable[tuple[str, str]]) -> list[list[str]]:
    """Group cells (id, reason) by reason: one cell by its name, several by their number and the parts they share."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in cells:
        by_reason.setdefault(reason, []).append(name)
    return [[_together(names), reason + _charts(names)] for reason, names in by_reason.items()]


def _together(names: Sequence[str]) -> str:
    if len(names) == 1:
        return names[0]
    first, *others = (name.split("-") for name in names)
    shared = [part for part in first if all(part in other for other in others)]
    return f"{len(names)} cells {'-'.join(shared)}"


def _charts(names: Sequence[str]) -> str:
    """Return the beginnings of cell ids that differ only in their chart, in brackets; "" for others."""
    parts = [name.split("-") for name in names]
    from_the_end = zip(*map(reversed, parts), strict=False)
    same = next((count for count, words in enumerate(from_the_end) if len(set(words)) > 1), 0)
    return f" ({', '.join('-'.join(each[:-same]) for each in parts)})" if same >= _AFTER_CHART else ""


def _described(cell: CellReport) -> list[str]:
    return [cell.chart, cell.flavor, f"{cell.packaging_format} ({cell.origin})", cell.runtime, str(cell.helm_major)]


def _word(status: Status | None) -> str:
    return "-" if status is None else _WORDS.get(status, status.value)


_COLUMNS = ("first", "middle", "last", "change")


def table(usage: Sequence[ResourceUsage]) -> str:
    """Return the first, middle and last numbers, one line for each kind of resource."""
    chosen = [usage[0].numbers, usage[len(usage) // 2].numbers, usage[-1].numbers]
    names = dict.fromkeys(name for numbers in chosen for name in numbers)
    rows: list[tuple[str, ...]] = [(f"after {len(usage)} uninstalls", *_COLUMNS)]
    for name in names:
        values = [numbers.get(name, 0) for numbers in chosen]
        rows.append((name, *map(str, values), f"{values[-1] - values[0]:+d}"))
    return "\n".join(aligned(rows))
