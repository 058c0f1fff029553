"""Leaves out the partials of dependencies that a chart does not use: Helm would parse them for each rendering.

A name that a template computes cannot be seen here. Helm then says that a template is missing, and the chart is
rendered with all of its partials; so what renders without some of them is what renders with all.
"""

from __future__ import annotations

import functools
import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from osh_conformance.charts.files import packed
from osh_conformance.errors import SuiteError
from osh_conformance.render.engines.base import NAMESPACE, RELEASE
from osh_conformance.render.rewriting import rewritten

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from osh_conformance.render.engines.base import Renderer

_PARTIAL = re.compile(r"charts/.+/templates/(.*/)?_[^/]*")
_DEFINES = re.compile(rb"""\b(?:define|block)\s+["`]([^"`]+)""")
_QUOTED = re.compile(rb"""["'`]([\w./-]+)""")
_MISSING = re.compile(r"no template|not defined")
#: Partials that Helm has parsed without an error, in this process. The charts of a tree have the same library.
_parsed: set[bytes] = set()
_MOST_PARSED = 2000


class LeanRenderer:
    """Renders one chart, given by its files, without the partials that it does not use."""

    def __init__(self, renderer: Renderer, files: Mapping[str, bytes], folder: Path) -> None:
        """Write the archives to `folder`, under names of their own: a name in a chart may be none for a file."""
        self.name = renderer.name
        self._renderer = renderer
        self._files = files
        lean = used(files)
        self._unused = {files[path] for path in files.keys() - lean.keys()}
        self._whole = folder / "chart.tgz"
        self._archive = folder / "lean.tgz"
        if self._unused:
            self._archive.write_bytes(packed(lean, "chart"))

    def render(
        self,
        folder: Path,  # noqa: ARG002  (the chart is given already)
        values: Mapping[str, Any],
        release: str = RELEASE,
        namespace: str = NAMESPACE,
        *,
        upgrade: bool = False,
    ) -> dict[str, str]:
        """Render the chart; see `Renderer`. `folder` does not matter."""
        if self._unused and self._unused <= _parsed:
            try:
                return self._renderer.render(self._archive, values, release, namespace, upgrade=upgrade)
            except SuiteError as error:
                if not _MISSING.search(error.message):
                    raise
                self._unused = set()
        if not self._whole.exists():
            self._whole.write_bytes(packed(self._files, "chart"))
        rendered = self._renderer.render(self._whole, values, release, namespace, upgrade=upgrade)
        if len(_parsed) > _MOST_PARSED:
            _parsed.clear()
        _parsed.update(self._unused)
        return rendered

    def changed(self, change: Callable[[str], str]) -> LeanRenderer:
        """Return a renderer of the chart with its templates changed."""
        folder = self._whole.parent / change.__name__
        folder.mkdir(exist_ok=True)
        return LeanRenderer(self._renderer, rewritten(self._files, change), folder)

    def close(self) -> None:
        """Release the loaded chart."""
        close = getattr(self._renderer, "close", None)
        if close:
            close()


def used(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the files of a chart without the partials of its dependencies whose names stand in no file in use."""
    unused = {path for path in files if _PARTIAL.fullmatch(path) and _defined(files[path])}
    defining: defaultdict[bytes, list[str]] = defaultdict(list)
    for path in unused:
        for name in _defined(files[path]):
            defining[name].append(path)
    waiting = [data for path, data in files.items() if path not in unused and b"{{" in data]
    while waiting:
        for name in _quoted(waiting.pop()):
            for path in unused.intersection(defining.get(name, ())):
                unused.remove(path)
                waiting.append(files[path])
    return {path: data for path, data in files.items() if path not in unused}


@functools.lru_cache(maxsize=1024)
def _defined(data: bytes) -> tuple[bytes, ...]:
    return tuple(_DEFINES.findall(data))


@functools.lru_cache(maxsize=1024)
def _quoted(data: bytes) -> Iterable[bytes]:
    return frozenset(_QUOTED.findall(data))
