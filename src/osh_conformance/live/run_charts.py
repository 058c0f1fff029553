"""The charts of a run as folders that the helm program reads: each is written once for all cells."""

from __future__ import annotations

import re
import shutil
import threading
from typing import TYPE_CHECKING

from osh_conformance.charts.source import Reader

if TYPE_CHECKING:
    from pathlib import Path

    from osh_conformance.charts.opened import OpenedCharts
    from osh_conformance.charts.source import ChartSource
    from osh_conformance.charts.target import ChartTarget

_VERSION = re.compile(r"^version:.*$", re.MULTILINE)
#: Lower than any release: an upgrade from it changes only the labels that hold the version.
_LOWEST = "version: 0.0.0"


class RunCharts:
    """The charts of a run on disk. Cells share the folders: helm and the renderer only read them."""

    def __init__(self, folder: Path, opened: OpenedCharts) -> None:
        """Write nothing yet; copies go below `folder`, which ends with the run."""
        self._folder = folder
        self._opened = opened
        self._lock = threading.Lock()
        self._lowered: dict[Path, Path] = {}

    def current(self, target: ChartTarget) -> ChartSource:
        """Return the chart under test; raises `SuiteError` for one that cannot be read."""
        return self._opened.open(target.path, target.reader, target.root)

    def folder(self, chart: Path) -> Path:
        """Return the folder of a chart that is not under test."""
        return self._opened.open(chart, Reader()).folder

    def previous(self, target: ChartTarget) -> Path:
        """Return the folder of the chart's previous version.

        The catalog names it; without an entry it is the chart itself under a lower version number.
        """
        if target.entry and target.entry.previous:
            return self._opened.open(target.entry.previous, target.reader).folder
        current = self.current(target).folder
        with self._lock:
            if target.path not in self._lowered:
                self._lowered[target.path] = self._lower(current, f"{target.name}-previous")
            return self._lowered[target.path]

    def _lower(self, chart: Path, name: str) -> Path:
        copy = self._folder / name
        shutil.copytree(chart, copy)
        file = copy / "Chart.yaml"
        file.write_text(_VERSION.sub(_LOWEST, file.read_text(), count=1))
        return copy
