"""Chooses the rendering engine of a run."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from osh_conformance.errors import SuiteError, UsageError
from osh_conformance.render.engines.program import ProgramRenderer

if TYPE_CHECKING:
    from osh_conformance.render.engines.base import Renderer

RENDERERS = ("sdk", "helm")
_INSTALL = "pip install helm-python-sdk"


def choose(name: str | None = None, helm: Path | None = None) -> Renderer:
    """Return the renderer called `name`; without one the SDK if it is installed and loads, else the `helm` program."""
    if wanted(name) == "sdk":
        try:
            from osh_conformance.render.engines.sdk import SdkRenderer  # noqa: PLC0415  (only where it is installed)

            return SdkRenderer()
        except Exception as error:
            # Its library is native code, and may not fit this machine.
            if name == "sdk":
                raise SuiteError(f"helm-python-sdk does not load: {error}", fix="--renderer helm") from error
    return ProgramRenderer(program(helm, asked_for=name == "helm"))


def wanted(name: str | None = None) -> str:
    """Return which renderer `choose` tries first; raises `UsageError` for one that there is not."""
    if name is not None and name not in RENDERERS:
        raise UsageError(f"no renderer `{name}`", expected=" or ".join(RENDERERS))
    has_sdk = importlib.util.find_spec("helm_python") is not None
    if name == "sdk" and not has_sdk:
        raise UsageError("helm-python-sdk is not installed", fix=_INSTALL)
    return "sdk" if has_sdk and name != "helm" else "helm"


def identity(name: str | None = None, helm: Path | None = None) -> str:
    """Return the renderer and its exact version as text, without loading or running it."""
    if wanted(name) == "sdk":
        return f"sdk {importlib.metadata.version('helm-python-sdk')}"
    file = Path(program(helm, asked_for=name == "helm")).resolve()
    status = file.stat()
    return f"helm {file} {status.st_size} {status.st_mtime_ns}"


def program(helm: Path | None = None, *, asked_for: bool = False) -> str:
    """Return the path of the `helm` program, `helm` if that is given; raises `SuiteError` if there is none.

    `asked_for`: the user wants this renderer, so the SDK may be installed all the same.
    """
    found = shutil.which(helm) if helm else shutil.which("helm")
    if found:
        return found
    if helm:
        raise SuiteError(f"{helm} is not a program", expected="the program `helm`")
    if asked_for:
        raise SuiteError(
            "the renderer helm: the program `helm` is not on PATH",
            fix="install Helm, name the program with --helm-program, or leave out --renderer helm",
        )
    raise SuiteError(
        "no renderer: neither helm-python-sdk nor the program `helm` is installed",
        fix=f"{_INSTALL}, or name the program with --helm-program",
    )
