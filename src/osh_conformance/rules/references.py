"""REF: how image references are written, and how firmly they hold."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from osh_conformance.model.finding import Finding, Severity, Status, Verdict
from osh_conformance.model.rule import Rule
from osh_conformance.reference import DEFAULT_TAG, ImageReference, InvalidReferenceError, parse
from osh_conformance.rules._pods import SHIPPED, keys, renderings
from osh_conformance.rules.registry import static_rule
from osh_conformance.rules.tags import Hold, grade

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

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
REF_3 = Rule(
    id="REF-3",
    title="every tag is a version, a date or a commit, none that moves",
    source="pinned to a specific version to ensure consistent behavior for deployments over time",
    why="a tag that is built again and again is :latest under another name",
    example="images.db_sync: quay.io/airshipit/keystone:2026.1-ubuntu_noble",
    fix="images.db_sync: quay.io/airshipit/keystone:2026.1-ubuntu_noble-<date>, or its digest",
)
REF_4 = Rule(
    id="REF-4",
    title="every reference parses",
    source="the grammar of OCI image references (distribution/reference)",
    why="no container runtime can pull what is no reference; pods stay in InvalidImageName",
    example="images.db_sync: docker.io/Kolla/keystone:2026.1",
    fix="images.db_sync: docker.io/kolla/keystone:2026.1",
)


#: What Istio replaces by the image of its proxy.
_INJECTED = "auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Use:
    """A reference, where it is written, and the containers that run it.

    `only_repository`: what is written there is the repository, its tag stands elsewhere. `more` are other keys with the
    same text.
    """

    text: str
    path: str
    line: int | None
    key: str
    containers: tuple[Container, ...] = ()
    only_repository: bool = False
    more: tuple[str, ...] = ()


@static_rule(REF_1)
def names_its_host(chart: RenderedChart) -> Verdict:
    """Judge REF-1: declared references, rendered ones, and those of values overrides.

    On docker.io a missing namespace is a warning.
    """
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


@static_rule(REF_2)
def is_not_latest(chart: RenderedChart) -> Verdict:
    """Judge REF-2: a digest beside the tag pins, whatever the tag."""
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
                fix=_set(use, _at_version(reference)),
            )
        )
    return Verdict.of(REF_2.id, findings)


@static_rule(REF_3)
def holds(chart: RenderedChart) -> Verdict:
    """Judge REF-3: a tag that floats fails; one that is unclear is a warning.

    A date, a commit id or a version of two parts pins, and a digest always. Words like `latest` or `master` float,
    and so does a release series (`2026.1-ubuntu_noble`). One number, a distribution alone, an unknown word are
    unclear. The words are data: `data/words/tags.yaml`. REF-2 speaks of `:latest`.
    """
    findings = []
    for use, reference in _parsed(chart):
        if reference.digest is not None or reference.tag in (None, DEFAULT_TAG):
            continue
        graded = grade(str(reference.tag))
        if graded.hold is Hold.PINNED:
            continue
        finding = _finding(
            chart,
            REF_3,
            use,
            found=f"{use.text}  ({graded.reason})",
            expected="a tag that was built once (a version, a date, a commit), or a digest",
            fix=_set(use, _at_version(reference) + ", or its digest"),
        )
        if graded.hold is Hold.UNCLEAR:
            finding = replace(finding, severity=Severity.WARNING, status=Status.WARNING)
        findings.append(finding)
    return Verdict.of(REF_3.id, findings)


@static_rule(REF_4)
def parses(chart: RenderedChart) -> Verdict:
    """Judge REF-4: no other rule speaks of a reference that does not parse."""
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


def _uses(chart: RenderedChart) -> Iterator[_Use]:
    """Every declared reference, every rendered one that is not simply a declared one, and those of values overrides."""
    declared = {image.key: image.reference for image in chart.images}
    reached: defaultdict[str, list[Container]] = defaultdict(list)
    others: defaultdict[tuple[str, str], list[Container]] = defaultdict(list)
    for container in _containers(chart):
        if container.key and container.image == declared.get(container.key):
            reached[container.key].append(container)
        elif container.image and container.image != _INJECTED:
            # Without an images section one value may stand behind them all.
            others[container.template if chart.convention else "", container.image].append(container)
    for image in chart.images:
        if image.reference:
            users = tuple(reached[image.key])
            yield _Use(text=image.reference, path=chart.values_file, line=image.line, key=image.path, containers=users)
    for (_, text), users_of in others.items():
        key, line = _value(chart, text)
        yield _Use(
            text=text,
            path=chart.values_file if key else chart.folder + users_of[0].template,
            line=line,
            key=key,
            containers=tuple(users_of),
            only_repository=bool(key) and _leaf(chart.values.content, key) != text,
        )
    yield from _overridden(chart)


def _value(chart: RenderedChart, text: str) -> tuple[str, int | None]:
    """The one value of the chart that is this reference, or its repository: its dotted path and line, else ""."""
    for wanted in (text, text.partition("@")[0].rpartition(":")[0]):
        found = [path for path in chart.values.lines if wanted and _leaf(chart.values.content, path) == wanted]
        if len(found) == 1:
            return found[0], chart.values.lines[found[0]]
    return "", None


def _leaf(values: Mapping[str, Any], path: str) -> Any:
    here: Any = values
    for part in path.split("."):
        here = here.get(part) if isinstance(here, dict) else None
    return here


def _containers(chart: RenderedChart) -> Iterator[Container]:
    """The containers with the images that an operator gets: as shipped, and with what can be switched on."""
    known = keys(chart)
    seen = set()
    for container in chart.containers:
        seen.add((container.position, container.image))
        yield container
    for rendering in renderings(chart):
        for container in rendering.containers:
            key = container.key if container.key is not None else known.get(container.position)
            # With everything on each key has a reference of its own, that stands in no chart.
            if (container.position, container.image) not in seen and (not key or rendering.name in SHIPPED):
                seen.add((container.position, container.image))
                yield replace(container, key=key)


def _overridden(chart: RenderedChart) -> Iterator[_Use]:
    """The references of the values files beside the chart: one for each text that a file does not take from it."""
    shipped = {image.key: image.reference for image in chart.images}
    for override in chart.overrides:
        lines: defaultdict[str, list[tuple[str, int | None]]] = defaultdict(list)
        for image in override.images:
            if image.reference and shipped.get(image.key) != image.reference:
                lines[image.reference].append((image.path, image.line))
        for text, places in lines.items():
            (key, line), *others = places
            yield _Use(text=text, path=override.path, line=line, key=key, more=tuple(path for path, _ in others))


def _parsed(chart: RenderedChart) -> Iterator[tuple[_Use, ImageReference]]:
    """The references that parse; REF-4 speaks of the others."""
    for use in _uses(chart):
        try:
            yield use, parse(use.text)
        except InvalidReferenceError:
            continue


def _at_version(reference: ImageReference) -> str:
    return str(reference.with_tag("VERSION")).replace(":VERSION", ":<version>")


def _set(use: _Use, reference: str) -> str:
    if use.only_repository:
        name, _, tag = reference.rpartition(":")
        return f"{use.key}: {name}" if tag and not use.text.startswith(name) else f"the tag for {use.key}: {tag}"
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
    others = f"; so do {', '.join(use.more)}" if use.more else ""
    return Finding(
        rule=rule.id,
        chart=chart.name,
        path=use.path,
        line=use.line,
        key=use.key,
        workload=outside.workload if outside else "",
        container=outside.name if outside else "",
        containers=tuple(container.label for container in use.containers),
        found=found + others,
        expected=expected,
        why=rule.why,
        fix=fix,
    )
