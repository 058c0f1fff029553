"""The narrow interface to what renders a chart, and the choice between the two that implement it."""

from __future__ import annotations

import importlib.util
import shutil
from typing import TYPE_CHECKING, Any, Protocol

from osh_conformance.errors import SuiteError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

#: The release that a chart is rendered as; its name must not matter.
RELEASE = "conformance"
NAMESPACE = "conformance"

RENDERERS = ("sdk", "helm")


class Renderer(Protocol):
    """Renders a chart whose dependencies are all in place. Contacts no cluster."""

    name: str

    def render(
        self, folder: Path, values: Mapping[str, Any], release: str = RELEASE, namespace: str = NAMESPACE
    ) -> dict[str, str]:
        """Return the rendered text by template (`<chart>/templates/...`); hooks too.

        `values` override the chart's own, `release` and `namespace` are what it would be installed as. Raises
        `SuiteError` with the engine's own words if a template fails.
        """


def choose(name: str | None = None, helm: Path | None = None) -> Renderer:
    """Return the renderer called `name`; without one the SDK if it is installed, else the `helm` program."""
    if name is not None and name not in RENDERERS:
        raise UsageError(f"no renderer `{name}`", expected=" or ".join(RENDERERS))
    has_sdk = importlib.util.find_spec("helm_python") is not None
    if name == "sdk" and not has_sdk:
        raise UsageError("helm-python-sdk is not installed", fix="pip install 'osh-conformance[render]'")
    if has_sdk and name in (None, "sdk"):
        from osh_conformance.render.sdk import SdkRenderer  # noqa: PLC0415  (only where it is installed)

        return SdkRenderer()
    from osh_conformance.render.program import ProgramRenderer  # noqa: PLC0415

    found = str(helm) if helm else shutil.which("helm")
    if not found:
        raise SuiteError(
            "nothing can render charts: neither helm-python-sdk nor the `helm` program is here",
            fix="pip install 'osh-conformance[render]', or name the program with --helm-program",
        )
    return ProgramRenderer(found)
