"""Rendering with helm-python-sdk: Helm's own code in this process."""

from __future__ import annotations

import contextlib
import os
import threading
from typing import TYPE_CHECKING, Any

import helm_python

from osh_conformance.errors import SuiteError
from osh_conformance.render.engines.base import NAMESPACE, RELEASE, is_manifest, without_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


class SdkRenderer:
    """Loads a chart once and renders it many times. Threads may share it; they render one after the other."""

    name = "sdk"

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._chart: helm_python.Chart | None = None
        self._lock = threading.Lock()

    def render(
        self,
        folder: Path,
        values: Mapping[str, Any],
        release: str = RELEASE,
        namespace: str = NAMESPACE,
        *,
        upgrade: bool = False,
    ) -> dict[str, str]:
        """Render; see `Renderer`."""
        try:
            # One chart is loaded at a time: `_mute` silences the whole process.
            with self._lock:
                rendered = self._loaded(folder).render(
                    dict(values), name=release, namespace=namespace, is_install=not upgrade, is_upgrade=upgrade
                )
        except helm_python.HelmError as error:
            raise SuiteError(f"does not render: {without_folder(error.detail, folder)}") from error
        return {template: text for template, text in rendered.items() if is_manifest(template) and text.strip()}

    def _loaded(self, folder: Path) -> helm_python.Chart:
        if self._chart is None or self._folder != folder:
            self.close()
            with _mute():
                self._chart, self._folder = helm_python.Chart.load(folder), folder
        return self._chart

    def close(self) -> None:
        """Release the loaded chart."""
        if self._chart is not None:
            self._chart.close()
        self._chart = self._folder = None


@contextlib.contextmanager
def _mute() -> Iterator[None]:
    """Hide Helm's warnings about links in a chart: it writes them to the descriptor, past Python."""
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(nowhere)
        os.close(kept)
