"""KEY: that the images section decides every image, each key its own."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from osh_conformance.model.chart import STANDARD_KEYS, Role
from osh_conformance.model.finding import Finding, Severity, Status, Verdict
from osh_conformance.model.rule import Rule
from osh_conformance.reference import InvalidReferenceError, parse
from osh_conformance.rules._functions import by_appearance, by_key, in_name
from osh_conformance.rules._pods import pods, renderings
from osh_conformance.rules.registry import static_rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from osh_conformance.model.chart import Container, RenderedChart, ValuesOverride

KEY_1 = Rule(
    id="KEY-1",
    title="an images section exists, and overriding its keys reaches every container",
    source="images should all be defined in images, a section that allows operators to override images",
    why="an image from outside the section stays what it is when an operator moves to another flavor or registry",
    example="a template with `image: docker.io/library/busybox:1.36` in it",
    fix="image: {{ .Values.images.<key> }}",
)
KEY_2 = Rule(
    id="KEY-2",
    title="every container has an image, as shipped and with everything switched on",
    source="Kubernetes requires an image of each container",
    why="the API server refuses the workload, at install or (a hook) in the middle of an uninstall",
    example="a template with `image: {{ .Values.images.db_drop }}`, and no `db_drop` in the images section",
    fix="images.db_drop: docker.io/kolla/keystone:<version>",
)
KEY_3 = Rule(
    id="KEY-3",
    title="a values override names keys that the chart has, and mixes no releases",
    source="the standards in use: one key per function, in addition to any components",
    why="Helm takes an unknown key without a word: the image that it should change stays as it was",
    example="an override that sets images.keystone_db_sync, of a chart that has images.db_sync",
    fix="the chart's own key in the override: images.db_sync",
)
KEY_4 = Rule(
    id="KEY-4",
    title="each standard key reaches the containers of its own function, and of no other's",
    source="db_sync: the image that will perform database sync ...; a sentence for each key",
    why="an override of the one key has no effect, an override of the other has one that nobody expects",
    example="a bootstrap Job with `image: {{ .Values.images.db_init }}`",
    fix="image: {{ .Values.images.bootstrap }}",
)


# -- KEY-1 --------------------------------------------------------------------------------------------------------


@static_rule(KEY_1)
def comes_from_the_section(chart: RenderedChart) -> Verdict:
    """Judge KEY-1: each key is set to a reference of its own, and every toggle is on.

    A container that none of them reaches has its image from elsewhere. A chart of no known convention gets this one
    finding, and REF and PP on what renders.
    """
    if not chart.every_container:
        return Verdict.not_applicable(KEY_1.id, "the chart renders no container")
    if chart.convention is None:
        return Verdict.of(KEY_1.id, [_no_section(chart)])
    outside: defaultdict[tuple[str, str], list[Container]] = defaultdict(list)
    for container in chart.every_container:
        if container.image and container.key == "":
            outside[container.template, container.image].append(container)
    return Verdict.of(KEY_1.id, [_outsider(chart, image, found) for (_, image), found in outside.items()])


def _no_section(chart: RenderedChart) -> Finding:
    return Finding(
        rule=KEY_1.id,
        chart=chart.name,
        path=chart.values_file,
        found="no images section of a known layout",
        expected="`images: {<key>: <reference>}` or `images: {tags: {<key>: <reference>}}`",
        why=KEY_1.why,
        fix="list every image of the chart in `images`, or describe the chart's own layout with --convention FILE",
        containers=tuple(container.label for container in chart.containers),
    )


def _outsider(chart: RenderedChart, image: str, containers: list[Container]) -> Finding:
    return _reached(
        chart,
        KEY_1,
        containers,
        found=f"{image}  (no key of `{chart.images_path}` changes it)",
        expected=f"an image that a key of `{chart.images_path}` decides",
        fix=f"image: {{{{ .Values.{chart.images_path}.<key> }}}}",
    )


# -- KEY-2 --------------------------------------------------------------------------------------------------------


@static_rule(KEY_2)
def has_an_image(chart: RenderedChart) -> Verdict:
    """Judge KEY-2: as shipped, with the drop Job, and with every toggle on that renders."""
    if not chart.every_container:
        return Verdict.not_applicable(KEY_2.id, "the chart renders no container")
    without: defaultdict[tuple[str, str], dict[str, Container]] = defaultdict(dict)
    every = [container for rendering in renderings(chart) for container in rendering.containers]
    for container in every or chart.containers:
        if not container.image:
            without[container.template, container.name].setdefault(container.label, container)
    findings = [
        _reached(
            chart,
            KEY_2,
            list(containers.values()),
            found="no image",
            expected="an image, as shipped and with the toggles on",
            fix=f"declare the key that the template asks for in `{chart.images_path or 'images'}`",
        )
        for containers in without.values()
    ]
    return Verdict.of(KEY_2.id, findings)


# -- KEY-3 --------------------------------------------------------------------------------------------------------


@static_rule(KEY_3)
def fits_the_chart(chart: RenderedChart) -> Verdict:
    """Judge KEY-3: the values files beside a chart are merged, not rendered.

    A key that neither values.yaml nor any template has fails. So does a mix: of the keys that ship one reference
    some get another tag, or most of them another repository, and the others stay. A declared key that no rendering
    and no template uses is a warning.
    """
    if chart.convention is None:
        return Verdict.not_applicable(KEY_3.id, "no images section of a known layout (see KEY-1)")
    findings = list(_unused(chart))
    for override in chart.overrides:
        findings += _unknown_keys(chart, override)
        findings += _mixed(chart, override)
    return Verdict.of(KEY_3.id, findings)


def _unknown_keys(chart: RenderedChart, override: ValuesOverride) -> Iterator[Finding]:
    known = {image.key for image in chart.images}
    for image in override.images:
        if image.key not in known and not _in_templates(chart, image.key):
            yield Finding(
                rule=KEY_3.id,
                chart=chart.name,
                path=override.path,
                line=image.line,
                key=image.path,
                found=f"the key {image.key}, which neither values.yaml nor any template of the chart has",
                expected=f"keys of `{chart.images_path}` in {chart.values_file}",
                why=KEY_3.why,
                fix=_similar(image.key, known),
            )


def _similar(key: str, known: set[str]) -> str:
    ending = {other for other in known if key.endswith(f"_{other}") or other.endswith(f"_{key}")}
    return f"the key that the chart has: {' or '.join(sorted(ending))}" if ending else "remove the key, or rename it"


def _mixed(chart: RenderedChart, override: ValuesOverride) -> Iterator[Finding]:
    """Of the keys that ship one reference, an override gives some another release of it, and leaves the others."""
    shipped = {image.key: image for image in chart.images if image.reference}
    new = {image.key: image for image in override.images if image.key in shipped}
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for image in shipped.values():
        groups[image.reference].append(image.key)
    for reference, members in groups.items():
        changed = [key for key in members if key in new and new[key].reference != reference]
        left = [key for key in members if key not in changed]
        moved = [key for key in changed if _same_repository(reference, new[key].reference)]
        if len(changed) > len(left):
            moved = changed  # another flavor; of a few keys it may be an image for one purpose
        if not left or not moved:
            continue
        first = new[moved[0]]
        yield Finding(
            rule=KEY_3.id,
            chart=chart.name,
            path=override.path,
            line=first.line,
            key=first.path,
            found=f"{', '.join(moved)} at {first.reference}, while {', '.join(left)} stay at {reference}",
            expected="all keys that ship one reference, moved together",
            why="two releases of one program in one chart: a schema of the one, and services of the other",
            fix=f"set {', '.join(shipped[key].path for key in left)} in the override too",
        )


def _same_repository(one: str, other: str) -> bool:
    try:
        return parse(one).name == parse(other).name
    except InvalidReferenceError:
        return False


def _unused(chart: RenderedChart) -> Iterator[Finding]:
    used = {container.key for container in chart.every_container}
    for image in chart.images:
        if image.key not in used and not _in_templates(chart, image.key):
            finding = Finding(
                rule=KEY_3.id,
                chart=chart.name,
                path=chart.values_file,
                line=image.line,
                key=image.path,
                found="a key that no rendering and no template uses",
                expected="keys that decide an image",
                why="an operator who overrides it believes that something has changed",
                fix=f"remove {image.path}",
            )
            yield replace(finding, severity=Severity.WARNING, status=Status.WARNING)


def _in_templates(chart: RenderedChart, key: str) -> bool:
    """Whether any template says the key's name: it may be asked for in ways that nobody rendered."""
    word = re.compile(rf"(?<![A-Za-z0-9_]){re.escape(key)}(?![A-Za-z0-9_])")
    return any(key in text and word.search(text) for text in chart.templates.values())


# -- KEY-4 --------------------------------------------------------------------------------------------------------


@static_rule(KEY_4)
def decides_its_own(chart: RenderedChart) -> Verdict:
    """Judge KEY-4: by what a container's program or its name says that it performs (`data/words/functions.yaml`).

    It fails where the key is another standard function's, or where the function has a key of its own that has no effect
    there; and where dep_check runs as anything but an init container. A name that says nothing accuses nobody.
    """
    if chart.convention is None:
        return Verdict.not_applicable(KEY_4.id, "no images section of a known layout (see KEY-1)")
    wrong: defaultdict[tuple[str, str, str], dict[str, Container]] = defaultdict(dict)
    judged = False
    for container, entry in _with_entries(chart):
        if not container.key:
            continue
        judged = True
        if found := _misplaced(chart, container, entry):
            wrong[container.template, container.key, found].setdefault(container.label, container)
    if not judged:
        return Verdict.not_applicable(KEY_4.id, "no key reaches a container")
    findings = [
        replace(
            _reached(
                chart,
                KEY_4,
                list(containers.values()),
                found=f"the image of `{key}` {found}",
                expected="each function by the image of its own key",
                fix=f"image: {{{{ .Values.{chart.images_path}.<key of the function> }}}}",
            ),
            key=f"{chart.images_path}.{key}",
        )
        for (_, key, found), containers in wrong.items()
    ]
    return Verdict.of(KEY_4.id, findings)


def _with_entries(chart: RenderedChart) -> Iterator[tuple[Container, Mapping[str, object]]]:
    seen = set()
    for rendering in renderings(chart):
        for pod in pods(chart, rendering):
            for container, entry in pod.containers:
                if container.position not in seen and container.key:
                    seen.add(container.position)
                    yield container, entry


def _misplaced(chart: RenderedChart, container: Container, entry: Mapping[str, object]) -> str:
    """Say which function the container performs with another's image; nothing if its key is right, or unknown."""
    key = str(container.key)
    of_key = by_key(chart, key)
    performed = by_appearance(container, entry)
    if of_key == "dep_check" and container.role is not Role.INIT:
        return "in a container that is no init container"
    if not performed or performed == of_key or performed in in_name(key):
        return ""
    if of_key in STANDARD_KEYS:
        return f"performs {performed}"
    own = sorted(other for other, function in chart.functions.items() if performed in (function, other))
    return f"performs {performed}, and {' and '.join(own)} has no effect there" if own else ""


def _reached(  # noqa: PLR0913
    chart: RenderedChart, rule: Rule, containers: list[Container], *, found: str, expected: str, fix: str
) -> Finding:
    first = containers[0]
    return Finding(
        rule=rule.id,
        chart=chart.name,
        path=chart.folder + first.template,
        workload=first.workload,
        container=first.name,
        containers=tuple(container.label for container in containers),
        found=found,
        expected=expected,
        why=rule.why,
        fix=fix,
    )
