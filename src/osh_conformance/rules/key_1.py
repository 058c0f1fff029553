"""KEY-1: overriding the keys of the images section reaches every container."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from osh_conformance.model.chart import ARRIVED, MADE_UP_HOST, Shape
from osh_conformance.model.finding import Verdict
from osh_conformance.model.rule import Rule
from osh_conformance.rules.registry import live_rule, static_rule
from osh_conformance.rules.shared import places
from osh_conformance.rules.shared.image_references import repository
from osh_conformance.rules.shared.live import image_key, place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from osh_conformance.model.chart import Container, DeclaredImage, RenderedChart
    from osh_conformance.model.finding import Finding
    from osh_conformance.model.observation import Observation

RULE = Rule(
    id="KEY-1",
    title="an images section exists, and overriding its keys reaches every container",
    source="images should all be defined in images, a section that allows operators to override images",
    why="an image that no key of the section sets stays as it is when an operator moves to another flavor or registry",
    fix="take the container's image from a key of the images section",
    blind=(
        "pods that an operator makes of a custom resource, and images in variables such as RELATED_IMAGE_*; "
        "combinations of toggles: all are on together where that renders, not each with each"
    ),
    before="containers:\n  - name: wait\n    image: docker.io/library/busybox:1.36.1\n",
    after='containers:\n  - name: wait\n    image: "{{ .Values.images.wait }}"\n',
)


@static_rule(RULE)
def check(chart: RenderedChart) -> Verdict:
    """Check every container of a rendering with each key set to a made-up reference and every toggle on.

    A container that has none of these references takes its image from elsewhere. One that has more than the reference
    has something put around it. As shipped, a container runs exactly what the section says for its key. An entry that
    is no text is a warning, in a layout of texts. In a chart of no known convention, any value may set the image.
    """
    shapes = list(_shapes(chart))
    if not chart.every_container:
        if shapes:
            return Verdict.of(RULE.id, shapes)
        return Verdict.not_applicable(RULE.id, "the chart renders no container")
    outside: defaultdict[tuple[str, str], list[Container]] = defaultdict(list)
    around: defaultdict[tuple[str, str, str], list[Container]] = defaultdict(list)
    images = {image.key: image for image in chart.images}
    for container in chart.every_container:
        if container.image and container.key == "":
            outside[container.template, container.image].append(container)
        elif container.key and container.key in images and (found := _around(container, images[container.key])):
            around[container.template, container.key, found].append(container)
    findings = [_outside(chart, image, found) for (_, image), found in outside.items()]
    findings += [_changed(chart, images[key], what, found) for (_, key, what), found in around.items()]
    if chart.images_error and not findings:
        return Verdict.undecided(RULE.id, chart.images_error)
    return Verdict.of(RULE.id, [*findings, *shapes])


def _shapes(chart: RenderedChart) -> Iterator[Finding]:
    """Yield a warning for each entry that is no text, in a layout whose entries are texts."""
    for image in chart.images:
        if image.shape is Shape.TEXT or not chart.images_path:
            continue
        parts = image.shape is Shape.MAP
        yield RULE.finding(
            places.of_value(chart, image.path, image.line),
            found="a reference in parts" if parts else "neither a reference nor the parts of one",
            expected=f"one text, as the other entries of `{chart.images_path}` are",
            why="a values override that sets the key to a reference, as for every other key, breaks the chart",
            fix=f"{image.path}: {_as_text(chart, image) or '<host>/<repository>:<version>'}",
            warning=True,
        )


def _as_text(chart: RenderedChart, image: DeclaredImage) -> str:
    """Return the reference of an entry in parts, with a number as the file has it: `1.10`, which is read as 1.1."""
    parts = [text for path, text in chart.values.numbers.items() if path.rpartition(".")[0] == image.path]
    return f"{repository(image.reference)}:{parts[0]}" if image.reference and len(parts) == 1 else image.reference


def _around(container: Container, image: DeclaredImage) -> str:
    """Return the image with `ARRIVED` for the reference of its container's key, "" if it is just that reference."""
    if container.arrived:
        return container.arrived
    shipped = container.image or ""
    if MADE_UP_HOST in shipped or image.shape is not Shape.TEXT or not image.reference:
        return ""
    if shipped == image.reference.strip() or "{{" in image.reference:
        return ""
    return shipped.replace(image.reference, ARRIVED)


def _changed(chart: RenderedChart, image: DeclaredImage, what: str, containers: list[Container]) -> Finding:
    runs = next((each.image for each in containers if each.image and MADE_UP_HOST not in each.image), "")
    if runs and image.reference and runs != image.reference:
        found = f"runs {runs}, and {image.path} says {image.reference}"
    else:
        shipped = f" (as shipped {runs})" if runs else ""
        found = f"runs {what}{shipped}, where {ARRIVED} is what an override of {image.path} says"
    parts = image.shape is Shape.MAP
    return RULE.finding(
        places.of_containers(chart, containers, key=image.path),
        found=found,
        expected=f"exactly the reference that {image.path} says, also where an override sets it",
        why="an override of the key gives another reference than it says: a second tag, a host before the host",
        fix=f"an image of the parts of {image.path}" if parts else f"image: {{{{ .Values.{image.path} }}}} alone",
        cause="" if runs else what,
    )


def _outside(chart: RenderedChart, image: str, containers: list[Container]) -> Finding:
    section = chart.images_path
    values = f"key of `{section}`" if section else "value"
    return RULE.finding(
        places.of_containers(chart, containers),
        found=f"{image}  (no {values} changes it)",
        expected=f"an image from a {values}",
        fix=f"image: {{{{ .Values.{section or 'images'}.<key> }}}}",
        cause=repository(image),
    )


@live_rule(RULE)
def check_live(observation: Observation) -> Verdict:
    """Check that every container runs the reference that the images section has for its key."""
    declared = observation.declared
    known = {(c.workload, c.name) for c in declared.containers}
    findings = []
    for container in observation.containers:
        key = image_key(observation, container)
        wanted = declared.images.get(key)
        if (container.workload, container.name) not in known and container.image in declared.images.values():
            continue  # the workload has another name in each rendering, so its key cannot be known here
        if wanted is None:
            expected = f"an image from the images section (keys: {', '.join(sorted(declared.images))})"
        elif container.image != wanted:
            expected = f"{wanted} (images key {key})"
        else:
            continue
        findings.append(
            RULE.finding(place(observation, container, key=key), found=f"runs {container.image}", expected=expected)
        )
    return Verdict.of(RULE.id, findings)
