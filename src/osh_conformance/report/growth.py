"""Numbers after each uninstall, where a scenario's steps were gone through again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.report.tables import aligned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from osh_conformance.model.observation import Gauge

_COLUMNS = ("first", "middle", "last", "change")


def table(gauges: Sequence[Gauge]) -> str:
    """The first, the middle and the last of them, a line for each thing that is counted."""
    chosen = [gauges[0].numbers, gauges[len(gauges) // 2].numbers, gauges[-1].numbers]
    names = dict.fromkeys(name for numbers in chosen for name in numbers)
    rows: list[tuple[str, ...]] = [(f"after {len(gauges)} uninstalls", *_COLUMNS)]
    for name in names:
        values = [numbers.get(name, 0) for numbers in chosen]
        rows.append((name, *map(str, values), f"{values[-1] - values[0]:+d}"))
    return "\n".join(aligned(rows))
