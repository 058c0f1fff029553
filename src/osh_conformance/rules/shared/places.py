"""The places in a rendered chart that findings of static rules are about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.model.finding import Location

if TYPE_CHECKING:
    from collections.abc import Sequence

    from osh_conformance.manifests.pods import Pod
    from osh_conformance.model.chart import Container, RenderedChart


def of_containers(chart: RenderedChart, containers: Sequence[Container], key: str = "") -> Location:
    """Return the place of the first of `containers`, all of which the cause reaches; `key` is a path in values."""
    first = containers[0]
    return Location(
        chart=chart.name,
        path=chart.folder + first.template,
        key=key,
        workload=first.workload,
        container=first.name,
        containers=tuple(container.label for container in containers),
    )


def of_pod(chart: RenderedChart, pod: Pod, container: str = "") -> Location:
    """Return the place of a workload, or of one of its containers, by name."""
    path = chart.folder + pod.document.template
    return Location(chart=chart.name, path=path, workload=pod.label, container=container)


def of_switch(chart: RenderedChart, containers: Sequence[Container] = ()) -> Location:
    """Return the place of the drop switch in values."""
    return Location(
        chart=chart.name,
        path=chart.values_file,
        line=chart.drop_line,
        key=chart.drop_path,
        containers=tuple(container.label for container in containers),
    )
