"""Opens charts as folders on disk, for the programs that read a folder: each chart once."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

from osh_conformance.charts.source import opened

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

    from osh_conformance.charts.source import ChartSource, Reader


class OpenedCharts:
    """Charts as folders that exist until this closes. Threads may share it, but must not write into the folders.

    `scratch` is the folder for copies of archives and of charts with `file://` dependencies; None means the system's.
    """

    def __init__(self, scratch: Path | None = None) -> None:
        self._scratch = scratch
        self._lock = threading.Lock()
        self._stack = contextlib.ExitStack()
        self._sources: dict[Path, ChartSource] = {}

    def open(self, path: Path, reader: Reader, root: Path | None = None) -> ChartSource:
        """Return the chart at `path`, with everything it depends on; raises `SuiteError` as `Reader.read` does."""
        with self._lock:
            if path not in self._sources:
                files = reader.read(path, root)
                self._sources[path] = self._stack.enter_context(opened(path, self._scratch, files))
            return self._sources[path]

    def close(self) -> None:
        """Remove the copies."""
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()
