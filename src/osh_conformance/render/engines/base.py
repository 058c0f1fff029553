"""The interface of a renderer: a rendering engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

#: The release that a chart is rendered as; its name must not matter.
RELEASE = "conformance"
NAMESPACE = "conformance"


#: How the names of the files end that tell users about a release.
_NOTES = "NOTES.txt"


def is_manifest(template: str) -> bool:
    """Whether Helm installs what a template renders, whatever its suffix: no partial, and no notes."""
    return not template.rpartition("/")[2].startswith("_") and not template.endswith(_NOTES)


def without_folder(message: str, folder: Path) -> str:
    """Return the message of a renderer without the place of the copy that it renders: it says nothing to a user."""
    return message.replace(f"'{folder}'", "of the chart").replace(str(folder), "the chart")


class Renderer(Protocol):
    """Renders a chart whose dependencies are all in place. Contacts no cluster."""

    name: str

    def render(
        self,
        folder: Path,
        values: Mapping[str, Any],
        release: str = RELEASE,
        namespace: str = NAMESPACE,
        *,
        upgrade: bool = False,
    ) -> dict[str, str]:
        """Return the rendered text of each template (`<chart>/templates/...`) that Helm installs, hooks too.

        `folder` may be a `.tgz` as well.
        `values` override the chart's own; `release` and `namespace` are the names for the templates. With `upgrade` it
        is an upgrade of the release (`.Release.IsUpgrade`), else an installation. Raises `SuiteError` with the
        renderer's message if a template fails.
        """
