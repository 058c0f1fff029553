"""Renders each set of values once."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from osh_conformance.errors import SuiteError
from osh_conformance.render.parse import containers_in, documents_of, objects_in

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from osh_conformance.model.chart import Container, Document
    from osh_conformance.render.engines.base import Renderer

    Step = Callable[[], None]
    Position = tuple[str, int, str, str]


#: Characters that one rendering may have; the largest real one has a fiftieth of it.
MAX_OUTPUT = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedSet:
    """One rendering: the texts by template, and the documents and containers in them."""

    values: Mapping[str, Any]
    texts: Mapping[str, str]
    documents: tuple[Document, ...]
    containers: tuple[Container, ...]


class RenderMemo:
    """Renders one chart, each set of values once, and parses each text once."""

    def __init__(self, renderer: Renderer, archive: Path, step: Step) -> None:
        self._renderer = renderer
        self._archive = archive
        self._step = step
        self._sets: dict[str, RenderedSet | SuiteError] = {}
        self._objects: dict[tuple[str, str], list[dict[str, Any]]] = {}

    def render(self, values: Mapping[str, Any], *, again: bool = False) -> RenderedSet:
        """Render with `values` over the chart's own; `again` although it was rendered before. Raises `SuiteError`."""
        key = json.dumps(values, sort_keys=True, default=str)
        if again:
            return self._render(values)
        if key not in self._sets:
            try:
                self._sets[key] = self._render(values)
            except SuiteError as error:
                self._sets[key] = error
        found = self._sets[key]
        if isinstance(found, SuiteError):
            raise found
        return found

    def close(self) -> None:
        """Release the chart in the renderer."""
        close = getattr(self._renderer, "close", None)
        if close:
            close()

    def _render(self, values: Mapping[str, Any]) -> RenderedSet:
        self._step()
        texts = self._renderer.render(self._archive, values)
        if (size := sum(len(text) for text in texts.values())) > MAX_OUTPUT:
            raise SuiteError(
                f"renders {size // 1024**2} MiB of manifests", expected=f"at most {MAX_OUTPUT // 1024**2} MiB"
            )
        documents = documents_of(texts, self._parsed)
        # Containers of a dependency are checked with that chart.
        containers = tuple(container for container in containers_in(documents) if container.own)
        return RenderedSet(values=values, texts=texts, documents=documents, containers=containers)

    def _parsed(self, text: str, where: str) -> list[dict[str, Any]]:
        key = (where, text)
        if key not in self._objects:
            self._objects[key] = objects_in(text, where)
        return self._objects[key]
