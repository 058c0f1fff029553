"""The places in a rendered chart that findings of static rules are about."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from osh_conformance.manifests.origins import origins
from osh_conformance.model.finding import Location

if TYPE_CHECKING:
    from collections.abc import Sequence

    from osh_conformance.manifests.origins import Origin
    from osh_conformance.manifests.pods import Pod
    from osh_conformance.model.chart import Container, Document, RenderedChart


def of_containers(
    chart: RenderedChart, containers: Sequence[Container], key: str = "", *, field: str = "image", own: bool = False
) -> Location:
    """Return the place of the first of `containers`, all of which the cause reaches; `key` is a path in values.

    Its line is that of `field` in the container's entry, else that of the image, or of the name of a container without
    an image; None where it is not certain. `own`: the chart itself is at fault, even where a library renders the
    container.
    """
    first = containers[0]
    origin = origins(chart).of_container(first, *dict.fromkeys((field, "image", "name")))
    return replace(
        _located(chart, first.template, origin, "" if own else field),
        key=key,
        workload=first.workload,
        container=first.name,
        containers=tuple(container.label for container in containers),
    )


def of_pod(chart: RenderedChart, pod: Pod, container: str = "", *, field: str = "", own: bool = False) -> Location:
    """Return the place of a workload, or of one of its containers, by name.

    Its line is that of `field`: of the container's entry, or of the workload, such as an annotation; else that of the
    container's `name` or the workload's `kind`; None where it is not certain. `own` as for `of_containers`.
    """
    named = next((each for each, _ in pod.containers if container and each.name == container), None)
    if named is None:
        place = of_object(chart, pod.document, field=field, own=own)
    else:
        origin = origins(chart).of_container(named, *filter(None, dict.fromkeys((field, "name"))))
        place = _located(chart, pod.document.template, origin, "" if own else field or "name")
    return replace(place, workload=pod.label, container=container)


def of_object(chart: RenderedChart, document: Document, *, field: str = "", own: bool = False) -> Location:
    """Return the place of an object. Its line is that of `field`, else that of its `kind`; None where not certain.

    `field` is an annotation, a key of `spec`, or `name`. `own` as for `of_containers`.
    """
    origin = origins(chart).of_object(document, *filter(None, dict.fromkeys((field, "kind"))))
    place = _located(chart, document.template, origin, "" if own else field or "kind")
    return replace(place, workload=f"{document.kind}/{document.name}")


def of_script(chart: RenderedChart, template: str, entry: str, text: str, what: str) -> Location:
    """Return the place of a line of a script, with neither workload nor container.

    `template` renders the script: the entry of that name of a ConfigMap, or a command. `what` tells apart the causes in
    one file of a library.
    """
    return _located(chart, template, origins(chart).of_script(template, entry, text), what)


def of_command(chart: RenderedChart, template: str, workload: str, container: str) -> Location:
    """Return the place of a container's command, with neither workload nor container."""
    fitting = (each for each in chart.every_container if (each.workload, each.name) == (workload, container))
    found = next(fitting, None)
    origin = origins(chart).of_container(found, "command", "args") if found else None
    return _located(chart, template, origin, "command")


def of_switch(chart: RenderedChart, containers: Sequence[Container] = ()) -> Location:
    """Return the place of the drop switch in values."""
    return of_value(chart, chart.drop_path, chart.drop_line, containers)


def of_value(chart: RenderedChart, key: str, line: int | None = None, containers: Sequence[Container] = ()) -> Location:
    """Return the place of a value by its dotted path: in the file that sets it, which may be over values.yaml.

    `line` is its line in values.yaml, and None where that file does not set it.
    """
    given = chart.set_by(key)
    path, number = given or (chart.values_file, line)
    return Location(
        chart=chart.name,
        path=path,
        line=number,
        key=key,
        containers=tuple(container.label for container in containers),
        anchor=chart.values_file if given else "",
    )


def _located(chart: RenderedChart, template: str, origin: Origin | None, what: str) -> Location:
    """Return the place of a line that `template` prints. A library is at fault for `what`, or the chart ("")."""
    if origin is None:
        return Location(chart=chart.name, path=chart.folder + template)
    moved = origin.file != template
    library = _library(origin.file) if moved and what else ""
    return Location(
        chart=chart.name,
        path=chart.place_of(origin.file),
        line=origin.line,
        anchor=chart.folder + template if moved else "",
        shared=f"{library} {what}" if library else "",
    )


def _library(file: str) -> str:
    """Return the file of a dependency from the dependency's name on, "" for a file of the chart itself."""
    return file.rpartition("charts/")[2] if file.startswith("charts/") else ""
