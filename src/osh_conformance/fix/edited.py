"""A chart of a run with edits that no file has yet."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from osh_conformance.charts.source import Reader

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from osh_conformance.charts.source import ChartFiles
    from osh_conformance.charts.target import ChartTarget


def edited(target: ChartTarget, changes: Mapping[str, bytes]) -> ChartTarget:
    """Return a target whose files have the content of `changes`, by their path in the chart."""
    return replace(target, reader=_EditedReader(target.reader, dict(changes)))


class _EditedReader(Reader):
    """Reads one chart with changes, through the reader of the run."""

    def __init__(self, reader: Reader, changes: Mapping[str, bytes]) -> None:
        super().__init__()
        self._reader = reader
        self._changes = changes
        self._edited: ChartFiles | None = None

    def read(self, path: Path, root: Path | None = None) -> ChartFiles:
        if self._edited is None:
            self._edited = self._reader.read(path, root).edited(self._changes)
        return self._edited

    def beside(self, path: Path, patterns: Iterable[str], root: Path | None = None) -> tuple[tuple[str, bytes], ...]:
        found = self._reader.beside(path, patterns, root)
        return tuple((name, self._changes.get(name, data)) for name, data in found)

    def forget(self, path: Path, root: Path | None = None) -> None:
        self._reader.forget(path, root)
