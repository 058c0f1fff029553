"""Hostile charts, and the engine that reads them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from osh_conformance.check.engine import StaticEngine
from osh_conformance.config.engine_options import CheckOptions
from osh_conformance.errors import SuiteError
from osh_conformance.render.workers import Limits
from tests.unit.helm_program import HELM

if TYPE_CHECKING:
    from collections.abc import Iterable

    from osh_conformance.charts.target import ChartTarget
    from osh_conformance.model.finding import Status

LIMITS = Limits(step=15.0, total=40.0)
VALUES = "images: {api: docker.io/library/api:1.0.0, pull_policy: IfNotPresent}\n"
POD = """\
apiVersion: v1
kind: Pod
metadata: {name: api}
spec:
  containers:
    - {name: api, image: {{ .Values.images.api }}, imagePullPolicy: {{ .Values.images.pull_policy }}}
"""


def write_chart(folder: Path, files: dict[str, str | bytes] | None = None) -> Path:
    """Write a chart that conforms, but for `files`."""
    written: dict[str, str | bytes] = {
        "Chart.yaml": f"apiVersion: v2\nname: {folder.name}\nversion: 1.0.0\n",
        "values.yaml": VALUES,
        "templates/pod.yaml": POD,
        **(files or {}),
    }
    for path, content in written.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def engine_of(path: Path, renderer: str | None = None) -> StaticEngine:
    helm = Path(HELM) if HELM else None
    engine = StaticEngine(CheckOptions(paths=(path,), cache=False, limits=LIMITS, renderer=renderer, helm_program=helm))
    engine.expect(engine.targets)
    return engine


def target_of(engine: StaticEngine, label: str) -> ChartTarget:
    (target,) = [target for target in engine.targets if target.label == label]
    return target


def status_of(engine: StaticEngine, label: str, rule: str) -> Status:
    return engine.result(target_of(engine, label), rule).event.check.status


def message_of(engine: StaticEngine, label: str) -> str:
    """Return the error of a chart that cannot be checked."""
    result = engine.result(target_of(engine, label), "REF-1")
    if isinstance(result.failure, SuiteError):
        return str(result.failure)
    # Only the status: a failure must not write out what the test makes sure is never written out.
    return pytest.fail(f"{label} was checked: {result.event.check.status}", pytrace=False)


def names_all(message: str, words: Iterable[str]) -> bool:
    return all(word in message for word in words)


def snapshot(folder: Path) -> dict[str, tuple[int, int]]:
    return {str(path): (path.lstat().st_mtime_ns, path.lstat().st_size) for path in folder.rglob("*")}
