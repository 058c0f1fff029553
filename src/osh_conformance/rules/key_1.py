"""KEY-1: overriding the keys of the images section reaches every container."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from osh_conformance.model.finding import Location, Verdict
from osh_conformance.model.rule import Rule
from osh_conformance.rules.registry import live_rule, static_rule
from osh_conformance.rules.shared import places
from osh_conformance.rules.shared.image_references import repository
from osh_conformance.rules.shared.live import image_key, place

if TYPE_CHECKING:
    from osh_conformance.model.chart import Container, RenderedChart
    from osh_conformance.model.finding import Finding
    from osh_conformance.model.observation import Observation

RULE = Rule(
    id="KEY-1",
    title="an images section exists, and overriding its keys reaches every container",
    source="images should all be defined in images, a section that allows operators to override images",
    why="an image that no key of the section sets stays as it is when an operator moves to another flavor or registry",
    fix="take the container's image from a key of the images section",
    before="containers:\n  - name: wait\n    image: docker.io/library/busybox:1.36.1\n",
    after='containers:\n  - name: wait\n    image: "{{ .Values.images.wait }}"\n',
)


@static_rule(RULE)
def check(chart: RenderedChart) -> Verdict:
    """Check every container of a rendering with each key set to a made-up reference and every toggle on.

    A container that has none of these references takes its image from elsewhere. A chart of no known convention gets
    this one finding; the REF and PP rules check what it renders.
    """
    if not chart.every_container:
        return Verdict.not_applicable(RULE.id, "the chart renders no container")
    if chart.convention is None:
        return Verdict.of(RULE.id, [_no_section(chart)])
    outside: defaultdict[tuple[str, str], list[Container]] = defaultdict(list)
    for container in chart.every_container:
        if container.image and container.key == "":
            outside[container.template, container.image].append(container)
    return Verdict.of(RULE.id, [_outside(chart, image, found) for (_, image), found in outside.items()])


def _no_section(chart: RenderedChart) -> Finding:
    labels = tuple(container.label for container in chart.containers)
    return RULE.finding(
        Location(chart=chart.name, path=chart.values_file, containers=labels),
        found="no images section of a known layout",
        expected="`images: {<key>: <reference>}` or `images: {tags: {<key>: <reference>}}`",
        fix="list every image of the chart in `images`, or describe the chart's own layout with --convention FILE",
    )


def _outside(chart: RenderedChart, image: str, containers: list[Container]) -> Finding:
    return RULE.finding(
        places.of_containers(chart, containers),
        found=f"{image}  (no key of `{chart.images_path}` changes it)",
        expected=f"an image from a key of `{chart.images_path}`",
        fix=f"image: {{{{ .Values.{chart.images_path}.<key> }}}}",
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
