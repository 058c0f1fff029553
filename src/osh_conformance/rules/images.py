"""REF: how references are written. KEY: that the images section decides them all."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from osh_conformance.model.finding import Finding, Rule, Severity, Status, Verdict
from osh_conformance.reference import DEFAULT_TAG, ImageReference, InvalidReferenceError, parse
from osh_conformance.rules.catalogue import judges

if TYPE_CHECKING:
    from collections.abc import Iterator

    from osh_conformance.model.chart import Container, RenderedChart

REF_1 = Rule(
    id="REF-1",
    title="every reference names its registry host",
    source="all images are fully spelled out, even those hosted by Docker or Quay",
    why="a reference without a host means another image on each machine: every runtime completes it its own way",
    example="images.db_sync: kolla/keystone:2026.1",
    fix="images.db_sync: docker.io/kolla/keystone:2026.1",
)
REF_2 = Rule(
    id="REF-2",
    title="no reference without a tag or digest, none at :latest",
    source="no default image reference should use :latest",
    why="a moving tag gives tomorrow's install another program than today's",
    example="images.db_sync: docker.io/kolla/keystone",
    fix="images.db_sync: docker.io/kolla/keystone:<version>",
)
REF_4 = Rule(
    id="REF-4",
    title="every reference parses",
    source="the grammar of OCI image references (distribution/reference)",
    why="no container runtime can pull what is no reference; pods stay in InvalidImageName",
    example="images.db_sync: docker.io/Kolla/keystone:2026.1",
    fix="images.db_sync: docker.io/kolla/keystone:2026.1",
)
KEY_1 = Rule(
    id="KEY-1",
    title="an images section exists, and overriding its keys reaches every container",
    source="images should all be defined in images, a section that allows operators to override images",
    why="an image from outside the section stays what it is when an operator moves to another flavor or registry",
    example="a template with `image: docker.io/library/busybox:1.36` in it",
    fix="image: {{ .Values.images.<key> }}",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Use:
    """A reference, where it is written, and the containers that run it."""

    text: str
    path: str
    line: int | None
    key: str
    containers: tuple[Container, ...]


@judges(REF_1)
def names_its_host(chart: RenderedChart) -> Verdict:
    """Judge REF-1."""
    findings = []
    for use, reference in _parsed(chart):
        if not reference.explicit_domain:
            findings.append(_without_host(chart, use, reference))
        elif not reference.explicit_namespace:
            findings.append(_without_namespace(chart, use, reference))
    return Verdict.of(REF_1.id, findings)


def _without_host(chart: RenderedChart, use: _Use, reference: ImageReference) -> Finding:
    return _finding(
        chart,
        REF_1,
        use,
        found=f"{use.text}  (no registry host: Docker reads it as {reference.canonical})",
        expected="a reference that begins with its registry host",
        fix=_set(use, reference.canonical),
    )


def _without_namespace(chart: RenderedChart, use: _Use, reference: ImageReference) -> Finding:
    finding = _finding(
        chart,
        REF_1,
        use,
        found=f"{use.text}  (no namespace: {reference.domain} reads it as {reference.path})",
        expected="the namespace too",
        fix=_set(use, reference.canonical),
    )
    why = "only docker.io adds a namespace by itself; a mirror of it does not"
    return replace(finding, severity=Severity.WARNING, status=Status.WARNING, why=why)


@judges(REF_2)
def is_not_latest(chart: RenderedChart) -> Verdict:
    """Judge REF-2."""
    findings = []
    for use, reference in _parsed(chart):
        if reference.digest is not None or reference.tag not in (None, DEFAULT_TAG):
            continue
        remark = "no tag: Kubernetes reads it as :latest" if reference.tag is None else "whatever was pushed last"
        findings.append(
            _finding(
                chart,
                REF_2,
                use,
                found=f"{use.text}  ({remark})",
                expected="a reference pinned to a version or a digest",
                fix=_set(use, str(reference.with_tag("VERSION")).replace(":VERSION", ":<version>")),
            )
        )
    return Verdict.of(REF_2.id, findings)


@judges(REF_4)
def parses(chart: RenderedChart) -> Verdict:
    """Judge REF-4."""
    findings = []
    for use in _uses(chart):
        try:
            parse(use.text)
        except InvalidReferenceError as error:
            findings.append(
                _finding(
                    chart,
                    REF_4,
                    use,
                    found=str(error),
                    expected="host/repository:tag, the repository in lower case",
                    fix=_set(use, "<host>/<repository>:<version>"),
                )
            )
    return Verdict.of(REF_4.id, findings)


@judges(KEY_1)
def comes_from_the_section(chart: RenderedChart) -> Verdict:
    """Judge KEY-1."""
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
    first = containers[0]
    return Finding(
        rule=KEY_1.id,
        chart=chart.name,
        path=chart.folder + first.template,
        workload=first.workload,
        container=first.name,
        containers=tuple(container.label for container in containers),
        found=f"{image}  (no key of `{chart.images_path}` changes it)",
        expected=f"an image that a key of `{chart.images_path}` decides",
        why=KEY_1.why,
        fix=f"image: {{{{ .Values.{chart.images_path}.<key> }}}}",
    )


def _uses(chart: RenderedChart) -> Iterator[_Use]:
    """Every declared reference, then every rendered one that is not simply a declared one."""
    declared = {image.key: image.reference for image in chart.images}
    reached: defaultdict[str, list[Container]] = defaultdict(list)
    others: defaultdict[tuple[str, str], list[Container]] = defaultdict(list)
    for container in chart.containers:
        if container.key and container.image == declared.get(container.key):
            reached[container.key].append(container)
        elif container.image:
            others[container.template, container.image].append(container)
    for image in chart.images:
        if image.reference:
            users = tuple(reached[image.key])
            yield _Use(text=image.reference, path=chart.values_file, line=image.line, key=image.path, containers=users)
    for (template, text), users_of in others.items():
        yield _Use(text=text, path=chart.folder + template, line=None, key="", containers=tuple(users_of))


def _parsed(chart: RenderedChart) -> Iterator[tuple[_Use, ImageReference]]:
    """The references that parse; REF-4 speaks of the others."""
    for use in _uses(chart):
        try:
            yield use, parse(use.text)
        except InvalidReferenceError:
            continue


def _set(use: _Use, reference: str) -> str:
    return f"{use.key or 'image'}: {reference}"


def _finding(  # noqa: PLR0913
    chart: RenderedChart,
    rule: Rule,
    use: _Use,
    *,
    found: str,
    expected: str,
    fix: str,
) -> Finding:
    outside = use.containers[0] if use.containers and not use.key else None
    return Finding(
        rule=rule.id,
        chart=chart.name,
        path=use.path,
        line=use.line,
        key=use.key,
        workload=outside.workload if outside else "",
        container=outside.name if outside else "",
        containers=tuple(container.label for container in use.containers),
        found=found,
        expected=expected,
        why=rule.why,
        fix=fix,
    )
