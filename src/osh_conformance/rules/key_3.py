"""KEY-3: a values override names keys that the chart has, and mixes no releases."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

from osh_conformance.model.finding import Location, Verdict
from osh_conformance.model.rule import Rule
from osh_conformance.reference import InvalidReferenceError, parse
from osh_conformance.rules.registry import static_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from osh_conformance.model.chart import DeclaredImage, RenderedChart, ValuesOverride
    from osh_conformance.model.finding import Finding

RULE = Rule(
    id="KEY-3",
    title="a values override names keys that the chart has, and mixes no releases",
    source="the standards in use: one key per function, in addition to any components",
    why="Helm accepts an unknown key silently: the image that it should change stays as it was",
    fix="use the chart's own key in the override",
    before=(
        "# an override of a chart that has images.db_sync\n"
        "images:\n  keystone_db_sync: docker.io/kolla/keystone:18.0.1\n"
    ),
    after=("# an override of a chart that has images.db_sync\nimages:\n  db_sync: docker.io/kolla/keystone:18.0.1\n"),
)


@static_rule(RULE)
def check(chart: RenderedChart) -> Verdict:
    """Check the values files beside a chart, which are merged and not rendered.

    A key that neither values.yaml nor any template has fails. So does a mix: of the keys that ship with one reference,
    some get another tag, or most of them get another repository, and the others stay. A declared key that no rendering
    and no template uses is a warning.
    """
    if chart.convention is None:
        return Verdict.not_applicable(RULE.id, "no images section of a known layout (see KEY-1)")
    findings = list(_unused(chart))
    for override in chart.overrides:
        findings += _unknown_keys(chart, override)
        findings += _mixed(chart, override)
    return Verdict.of(RULE.id, findings)


def _unused(chart: RenderedChart) -> Iterator[Finding]:
    used = {container.key for container in chart.every_container}
    for image in chart.images:
        if image.key not in used and not _in_templates(chart, image.key):
            yield RULE.finding(
                _place(chart, chart.values_file, image),
                found="a key that no rendering and no template uses",
                expected="only keys that decide an image",
                why="an operator who overrides it believes that something has changed",
                fix=f"remove {image.path}",
                warning=True,
            )


def _unknown_keys(chart: RenderedChart, override: ValuesOverride) -> Iterator[Finding]:
    known = {image.key for image in chart.images}
    for image in override.images:
        if image.key not in known and not _in_templates(chart, image.key):
            yield RULE.finding(
                _place(chart, override.path, image),
                found=f"the key {image.key}, which neither values.yaml nor any template of the chart has",
                expected=f"keys of `{chart.images_path}` in {chart.values_file}",
                fix=_similar(image.key, known),
            )


def _similar(key: str, known: set[str]) -> str:
    ending = {other for other in known if key.endswith(f"_{other}") or other.endswith(f"_{key}")}
    return f"the key that the chart has: {' or '.join(sorted(ending))}" if ending else "remove the key, or rename it"


def _mixed(chart: RenderedChart, override: ValuesOverride) -> Iterator[Finding]:
    """Some keys ship with the same reference, and an override gives only some of them another release of it."""
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
            moved = changed  # another flavor; a few keys alone may get an image for one purpose
        if not left or not moved:
            continue
        first = new[moved[0]]
        yield RULE.finding(
            _place(chart, override.path, first),
            found=f"{', '.join(moved)} at {first.reference}, while {', '.join(left)} stay at {reference}",
            expected="all keys that ship with one reference, moved together",
            why="the chart mixes two releases of one program: the schema of one and the services of the other",
            fix=f"set {', '.join(shipped[key].path for key in left)} in the override too",
        )


def _same_repository(one: str, other: str) -> bool:
    try:
        return parse(one).name == parse(other).name
    except InvalidReferenceError:
        return False


def _in_templates(chart: RenderedChart, key: str) -> bool:
    """Whether any template contains the key's name: it may be used in ways that were not rendered."""
    word = re.compile(rf"(?<![A-Za-z0-9_]){re.escape(key)}(?![A-Za-z0-9_])")
    return any(key in text and word.search(text) for text in chart.templates.values())


def _place(chart: RenderedChart, path: str, image: DeclaredImage) -> Location:
    return Location(chart=chart.name, path=path, line=image.line, key=image.path)
