"""KEY-3: a values override names keys that the chart has, and mixes no releases."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from osh_conformance.model.chart import plain_key
from osh_conformance.model.finding import Location, Verdict
from osh_conformance.model.rule import Rule
from osh_conformance.reference import InvalidReferenceError, parse
from osh_conformance.rules.registry import static_rule
from osh_conformance.rules.shared import places
from osh_conformance.rules.shared.image_keys import without_section
from osh_conformance.rules.shared.releases import bump, mixes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from osh_conformance.model.chart import DeclaredImage, RenderedChart, ValuesOverride
    from osh_conformance.model.finding import Finding

RULE = Rule(
    id="KEY-3",
    title="a values override names keys that the chart has, and mixes no releases",
    source="the standards in use: one key per function, in addition to any components",
    why="Helm accepts an unknown key silently: the image that it should change stays as it was",
    fix="use the chart's own key in the override",
    blind=(
        "values of an override that are no image references; two overrides together; overrides in places that "
        "the convention does not name (--overrides adds them)"
    ),
    before=(
        "# an override of a chart that has images.db_sync\n"
        "images:\n  keystone_db_sync: docker.io/kolla/keystone:18.0.1\n"
    ),
    after=("# an override of a chart that has images.db_sync\nimages:\n  db_sync: docker.io/kolla/keystone:18.0.1\n"),
)


@static_rule(RULE)
def check(chart: RenderedChart) -> Verdict:
    """Check the values files beside a chart, which are merged and not rendered.

    A key fails that values.yaml lacks and that reaches no container, in the chart's renderings or with the override's
    own values. So does an image in a place that no template reads. So does a mix: of the keys that ship with one
    reference, some get another tag, or most of them get another repository, and the others stay; or an override gives
    different releases to keys that ship with one reference, or with one tag of one namespace. A declared key that
    reaches no container, and that no template looks up, is a warning.
    """
    if not chart.images_path:
        return Verdict.not_applicable(RULE.id, without_section(chart.convention))
    findings = list(_unused(chart))
    for override in chart.overrides:
        findings += _unknown_keys(chart, override)
        findings += _of_releases(chart, override)
    undecided = [override.path for override in chart.overrides if override.undecided]
    if undecided and all(finding.dormant for finding in findings):
        return Verdict.undecided(RULE.id, f"the chart does not render with {', '.join(undecided)}")
    return Verdict.of(RULE.id, findings)


def _unused(chart: RenderedChart) -> Iterator[Finding]:
    for image in chart.images:
        if image.key in chart.unused:
            yield RULE.finding(
                places.of_value(chart, image.path, image.line),
                found="a key that reaches no container, and that no template looks up",
                expected="only keys that decide an image",
                why="an operator who overrides it believes that something has changed",
                fix=f"remove {image.path}, or take the image of the container that it is meant for from it",
                warning=True,
            )


def _unknown_keys(chart: RenderedChart, override: ValuesOverride) -> Iterator[Finding]:
    known = {image.key for image in chart.images}
    section = f"{chart.images_path}."
    elsewhere: defaultdict[str, list[DeclaredImage]] = defaultdict(list)
    for image in override.without_effect:
        if image.path != section + image.key:
            elsewhere[image.path.rpartition(".")[0]].append(image)
            continue
        if image.key in known:
            yield RULE.finding(
                _place(chart, override.path, image),
                found="a map, where the chart reads a reference as one text: no container runs it",
                expected="an entry of the shape that it has in values.yaml",
                fix=f"{image.path}: {image.reference}",
            )
            continue
        yield RULE.finding(
            _place(chart, override.path, image),
            found=f"the key {image.key}, which {chart.values_file} lacks and which reaches no container",
            expected=f"keys of `{chart.images_path}` in {chart.values_file}",
            fix=_similar(image.key, known),
        )
    for place, images in elsewhere.items():
        yield _misplaced(chart, override, place, images)


def _misplaced(chart: RenderedChart, override: ValuesOverride, place: str, images: list[DeclaredImage]) -> Finding:
    """Images in one place that the chart does not have."""
    known = {image.key: image.path for image in chart.images}
    names = [image.path.rpartition(".")[2] for image in images]
    unknown = f"{chart.images_path}.<key of the chart>"
    right = [next((known[n] for n in reversed(i.path.split(".")) if n in known), unknown) for i in images]
    return RULE.finding(
        Location(chart=chart.name, path=override.path, line=images[0].line, key=images[0].path),
        found=f"{', '.join(names)} {f'in `{place}`' if place else 'at the top'}: no template reads that place",
        expected=f"image references in `{chart.images_path}`",
        fix=f"use {', '.join(dict.fromkeys(right))}",
    )


def _similar(key: str, known: set[str]) -> str:
    ending = {other for other in known if plain_key(other) == plain_key(key)} or {
        other for other in known if key.endswith(f"_{other}") or other.endswith(f"_{key}")
    }
    return f"the key that the chart has: {' or '.join(sorted(ending))}" if ending else "remove the key, or rename it"


def _of_releases(chart: RenderedChart, override: ValuesOverride) -> Iterator[Finding]:
    """Yield the mixes of releases, and dormant those that a bump of the references in values.yaml would bring up."""
    shipped = {image.key: image.reference for image in chart.images if image.reference}
    bumped = {key: bump(reference) for key, reference in shipped.items()}
    for references, dormant in ((shipped, False), (bumped, True)):
        yield from _left_behind(chart, override, references, dormant=dormant)
        yield from _mixed(chart, override, references, dormant=dormant)


def _mixed(
    chart: RenderedChart, override: ValuesOverride, shipped: Mapping[str, str], *, dormant: bool
) -> Iterator[Finding]:
    """An override gives different releases to keys that belong together."""
    new = {image.key: image for image in override.images if image.key in shipped}
    for mix in mixes(shipped, {key: image.reference for key, image in new.items()}):
        others = f"{', '.join(mix.others)} are at {new[mix.others[0]].reference}" if mix.others else "each has another"
        yield RULE.finding(
            _place(chart, override.path, *(new[key] for key in mix.odd), dormant=dormant),
            found=f"{', '.join(f'{key} at {new[key].reference}' for key in mix.odd)}, while {others}",
            expected="one release for all keys that ship with one",
            why="the chart mixes two releases of one program: the schema of one and the services of the other",
            fix=f"set {', '.join(new[key].path for key in mix.odd)} to the release of the other keys",
            cause="releases",
        )


def _left_behind(
    chart: RenderedChart, override: ValuesOverride, shipped: Mapping[str, str], *, dormant: bool
) -> Iterator[Finding]:
    """Some keys ship with the same reference, and an override gives only some of them another release of it."""
    paths = {image.key: image.path for image in chart.images if image.key not in chart.unused}
    new = {image.key: image for image in override.images if image.key in shipped}
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for key, reference in shipped.items():
        if key in paths:
            groups[reference].append(key)
    for reference, members in groups.items():
        changed = [key for key in members if key in new and new[key].reference != reference]
        left = [key for key in members if key not in changed]
        moved = [key for key in changed if _same_repository(reference, new[key].reference)]
        if len(changed) > len(left):
            moved = changed  # another flavor; a few keys alone may get an image for one purpose
        if not left or not moved:
            continue
        stays = "stays" if len(left) == 1 else "stay"
        yield RULE.finding(
            _place(chart, override.path, *(new[key] for key in moved), dormant=dormant),
            found=f"{', '.join(moved)} at {new[moved[0]].reference}, while {', '.join(left)} {stays} at {reference}",
            expected="all keys that ship with one reference, moved together",
            why="the chart mixes two releases of one program: the schema of one and the services of the other",
            fix=f"set {', '.join(paths[key] for key in left)} in the override too",
        )


def _same_repository(one: str, other: str) -> bool:
    try:
        return parse(one).name == parse(other).name
    except InvalidReferenceError:
        return False


def _place(chart: RenderedChart, path: str, *images: DeclaredImage, dormant: bool = False) -> Location:
    first, *others = images
    also = tuple(image.path for image in others)
    return Location(chart=chart.name, path=path, line=first.line, key=first.path, also=also, dormant=dormant)
