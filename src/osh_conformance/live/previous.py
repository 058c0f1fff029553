"""A chart's previous version, for scenarios that upgrade from it."""

from __future__ import annotations

import contextlib
import re
import shutil
from typing import TYPE_CHECKING

from osh_conformance.charts.source import opened

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from osh_conformance.plan.plan import CellRun

_VERSION = re.compile(r"^version:.*$", re.MULTILINE)
#: Lower than any release: what an upgrade changes is then the labels that hold the version, and nothing else.
_LOWEST = "version: 0.0.0"


@contextlib.contextmanager
def previous_version(pair: CellRun, chart: Path, folder: Path) -> Iterator[Path | None]:
    """The opened chart from which the pair's scenario upgrades, None if it does not.

    It is what the catalogue says, else the chart itself (at `chart`, opened) under a lower version number.
    """
    if not pair.scenario.has_previous:
        yield None
    elif pair.subject.previous:
        with opened(pair.subject.previous, folder) as source:
            yield source.folder
    else:
        copy = folder / "previous"
        shutil.copytree(chart, copy)
        file = copy / "Chart.yaml"
        file.write_text(_VERSION.sub(_LOWEST, file.read_text(), count=1))
        yield copy
