"""The workloads of a chart, over all its renderings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.manifests.pods import pods, renderings

if TYPE_CHECKING:
    from osh_conformance.manifests.pods import Pod
    from osh_conformance.model.chart import RenderedChart


def every_pod(chart: RenderedChart) -> tuple[Pod, ...]:
    """Return the pods of every rendering, each once: as shipped if it renders then."""
    found: dict[tuple[str, str, str], Pod] = {}
    for rendering in renderings(chart):
        for pod in pods(chart, rendering):
            found.setdefault((pod.document.template, *pod.label.partition("/")[::2]), pod)
    return tuple(found.values())
