"""A small chart that a test writes, fixes and checks again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.check.engine import StaticEngine
from osh_conformance.config.engine_options import CheckOptions
from osh_conformance.fix.run import planned, written

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from osh_conformance.fix.run import Outcome

CONTAINER = """\
        - name: {name}
          image: {{{{ .Values.images.{key} }}}}
          imagePullPolicy: {policy}
"""
DECLARED = "{{ .Values.images.pull_policy }}"
VALUES = "images:\n  pull_policy: IfNotPresent\n  api: docker.io/example/api:1.2.3\n"


def deployment(*containers: str) -> str:
    """Return a Deployment with these entries of containers."""
    return (
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: api\nspec:\n  template:\n    spec:\n"
        f"      containers:\n{''.join(containers)}"
    )


def container(name: str = "api", key: str = "api", policy: str = DECLARED) -> str:
    return CONTAINER.format(name=name, key=key, policy=policy)


def write(place: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write a chart: Chart.yaml and a Deployment are there, unless `files` has others."""
    chart = place / "chart"
    own = {
        "Chart.yaml": "apiVersion: v2\nname: chart\nversion: 1.0.0\n",
        "values.yaml": VALUES,
        "templates/api.yaml": deployment(container()),
    }
    for path, content in {**own, **files}.items():
        file = chart / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
    return chart


def plan(chart: Path, *rules: str) -> Outcome:
    return planned(StaticEngine(CheckOptions(paths=(chart,), select=rules)))


def fix(chart: Path, *rules: str) -> Outcome:
    """Repair the chart, and hold that a second run has nothing to do."""
    outcome = written(plan(chart, *rules))
    assert not plan(chart, *rules).changes
    return outcome


def reasons(outcome: Outcome) -> list[str]:
    return [refusal.reason for refusal in outcome.refusals]
