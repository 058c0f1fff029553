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
    """Renders one chart, each set of values once, and parses each text and each document once."""

    def __init__(self, renderer: Renderer, archive: Path, step: Step) -> None:
        self._renderer = renderer
        self._archive = archive
        self._step = step
        self._sets: dict[str, RenderedSet | SuiteError] = {}
        self._objects: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self._documents: dict[str, Any] = {}
        self._templates: set[str] = set()

    def render(self, values: Mapping[str, Any], *, again: bool = False, upgrade: bool = False) -> RenderedSet:
        """Render with `values` over the chart's own; `again` although it was rendered before. Raises `SuiteError`.

        With `upgrade` the chart is rendered as for an upgrade of a release, else as for an installation.
        """
        if again:
            return self._render(values, upgrade=upgrade)
        key = json.dumps([values, upgrade], sort_keys=True, default=str)
        if key not in self._sets:
            try:
                self._sets[key] = self._render(values, upgrade=upgrade)
            except SuiteError as error:
                self._sets[key] = error
        found = self._sets[key]
        if isinstance(found, SuiteError):
            raise found
        return found

    def changed(self, change: Callable[[str], str]) -> RenderMemo:
        """Return a memo of the chart with its templates changed; this one if its renderer cannot do that."""
        changed = getattr(self._renderer, "changed", None)
        return RenderMemo(changed(change), self._archive, self._step) if changed else self

    @property
    def templates(self) -> frozenset[str]:
        """The templates of the chart itself that have rendered something, with any values."""
        return frozenset(self._templates)

    def close(self) -> None:
        """Release the chart in the renderer."""
        close = getattr(self._renderer, "close", None)
        if close:
            close()

    def _render(self, values: Mapping[str, Any], *, upgrade: bool) -> RenderedSet:
        self._step()
        texts = self._renderer.render(self._archive, values, upgrade=upgrade)
        if (size := sum(len(text) for text in texts.values())) > MAX_OUTPUT:
            raise SuiteError(
                f"renders {size // 1024**2} MiB of manifests", expected=f"at most {MAX_OUTPUT // 1024**2} MiB"
            )
        documents = documents_of(texts, self._parsed)
        self._templates.update(document.template for document in documents if document.own)
        # Containers of a dependency are checked with that chart.
        containers = tuple(container for container in containers_in(documents) if container.own)
        return RenderedSet(values=values, texts=texts, documents=documents, containers=containers)

    def _parsed(self, text: str, where: str) -> list[dict[str, Any]]:
        key = (where, text)
        if key not in self._objects:
            self._objects[key] = objects_in(text, where, self._documents)
        return self._objects[key]
