"""The interface of a renderer: a rendering engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

#: The release that a chart is rendered as; its name must not matter.
RELEASE = "conformance"
NAMESPACE = "conformance"


class Renderer(Protocol):
    """Renders a chart whose dependencies are all in place. Contacts no cluster."""

    name: str

    def render(
        self, folder: Path, values: Mapping[str, Any], release: str = RELEASE, namespace: str = NAMESPACE
    ) -> dict[str, str]:
        """Return the rendered text by template (`<chart>/templates/...`); hooks too.

        `folder` may be a `.tgz` as well.
        `values` override the chart's own; `release` and `namespace` are the names for the templates. Raises
        `SuiteError` with the renderer's message if a template fails.
        """
