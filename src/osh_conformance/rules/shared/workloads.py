"""The workloads of a chart, over all its renderings."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from osh_conformance.manifests.pods import pods, renderings

if TYPE_CHECKING:
    from osh_conformance.manifests.pods import Pod
    from osh_conformance.model.chart import RenderedChart

#: What decides which scripts a container runs and reads.
_DECIDES = ("name", "command", "args", "volumeMounts")


def every_pod(chart: RenderedChart) -> tuple[Pod, ...]:
    """Return the pods of every rendering, each once: as shipped if it renders then.

    It comes once more with those containers alone that run or mount something else in another rendering.
    """
    found: list[Pod] = []
    known: defaultdict[tuple[str, str], list[object]] = defaultdict(list)
    for rendering in renderings(chart):
        for pod in pods(chart, rendering):
            seen = known[pod.document.template, pod.label]
            more = []
            for container, entry in pod.containers:
                decides = [container.role, *(entry.get(field) for field in _DECIDES)]
                if decides not in seen:
                    seen.append(decides)
                    more.append((container, entry))
            if more:
                found.append(replace(pod, containers=tuple(more)))
    return tuple(found)
