"""The image references of a chart: declared in values, rendered in templates, and set by values overrides."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from osh_conformance.manifests.pods import SHIPPED, keys, renderings
from osh_conformance.model.chart import ARRIVED, MADE_UP_HOST
from osh_conformance.model.finding import Location
from osh_conformance.model.values import at
from osh_conformance.reference import DEFAULT_TAG, ImageReference, InvalidReferenceError, parse
from osh_conformance.rules.shared import places
from osh_conformance.rules.shared.invalid_references import fault
from osh_conformance.rules.shared.tags import Hold, grade

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from osh_conformance.model.chart import Container, DeclaredImage, RenderedChart

#: Istio replaces this by the image of its proxy.
_INJECTED = "auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """A reference, the place where it is written, and the containers that run it.

    `only_repository`: the place holds the repository alone, the tag stands elsewhere. `more` are other keys with the
    same text. `dormant`: the place repeats what the chart ships, so its faults are those of values.yaml.
    """

    text: str
    path: str
    line: int | None
    key: str
    containers: tuple[Container, ...] = ()
    only_repository: bool = False
    more: tuple[str, ...] = ()
    dormant: bool = False

    @property
    def cause(self) -> str:
        """The repository where no key names the place: it stays the same when the tag is bumped."""
        return "" if self.key else repository(self.text)

    def place(self, chart: RenderedChart) -> Location:
        """Return the place for a finding: with a container where no key in values holds the reference."""
        if self.containers and not self.key:
            found = places.of_containers(chart, self.containers)
        elif self.path == chart.values_file:
            found = places.of_value(chart, self.key, self.line, self.containers)
        else:
            labels = tuple(container.label for container in self.containers)
            found = Location(chart=chart.name, path=self.path, line=self.line, key=self.key, containers=labels)
        return replace(found, shared=self.text, also=self.more, dormant=self.dormant)

    def described(self, remark: str) -> str:
        """Return the reference with a remark, and the other keys that have it."""
        also = f"; also {', '.join(self.more)}" if self.more else ""
        return f"{self.text}  ({remark}){also}"

    def set_to(self, reference: str) -> str:
        """Return the line of values, or of a manifest, that puts `reference` in its place."""
        if self.only_repository:
            name = repository(reference)
            tag = reference.removeprefix(name).lstrip(":")
            edits = [] if self.text.startswith(name) else [f"{self.key}: {name}"]
            if tag and not self.text.endswith(f":{tag}"):
                edits.append(f"the tag of {self.key}: {tag}")
            return ", ".join(edits)
        return f"{self.key or 'image'}: {reference}"


def repository(text: str) -> str:
    """Return a reference, as it is written, without its tag and digest."""
    host, slash, name = text.partition("@")[0].rpartition("/")
    return host + slash + name.partition(":")[0]


def parsed(chart: RenderedChart) -> Iterator[tuple[Use, ImageReference]]:
    """Yield the references that parse; REF-4 reports the others."""
    for use in uses(chart):
        try:
            yield use, parse(use.text)
        except InvalidReferenceError:
            continue


def with_own_tag(chart: RenderedChart) -> Iterator[tuple[Use, ImageReference]]:
    """Yield the references that parse, and whose tag is what the chart means: REF-4 reports the others."""
    by_number = images_of_numbers(chart)
    return ((use, found) for use, found in parsed(chart) if use.text not in by_number and fault(use.text) is None)


def images_of_numbers(chart: RenderedChart) -> set[str | None]:
    """Return the rendered references that are wrong only because a number in values is not quoted."""
    return {container.image for number in chart.numbers for container in number.containers}


def in_full(reference: ImageReference) -> str:
    """Return the reference that no rule reports: with host and namespace, and `<version>` where the tag moves."""
    moves = reference.tag in (None, DEFAULT_TAG) or grade(str(reference.tag)).hold is Hold.FLOATS
    return at_version(reference) if moves and reference.digest is None else reference.canonical


def at_version(reference: ImageReference) -> str:
    """Return the reference in full, with `<version>` in place of its tag."""
    return f"{reference.name}:<version>"


def uses(chart: RenderedChart) -> Iterator[Use]:
    """Yield each reference of the chart once.

    - each declared one, unless every container of its key runs something else: the template puts more around it
    - each rendered one that is not a declared one
    - those of values overrides, dormant where they repeat the chart's own
    """
    declared = {image.key: image for image in chart.images}
    reached: defaultdict[str, list[Container]] = defaultdict(list)
    others: defaultdict[tuple[str, str], list[Container]] = defaultdict(list)
    for container in _containers(chart):
        image = declared.get(container.key or "")
        if image and container.image == image.reference:
            reached[image.key].append(container)
        elif container.image and container.image != _INJECTED:
            # Without an images section one value may be the source of them all.
            others[container.template if chart.images_path else "", container.image].append(container)
    around = _around(chart)
    for image in chart.images:
        if image.reference and (reached[image.key] or image.key not in around) and not _is_template(chart, image):
            users = tuple(reached[image.key])
            yield Use(text=image.reference, path=chart.values_file, line=image.line, key=image.path, containers=users)
    shown = {container.key for users_of in others.values() for container in users_of}
    yield from _behind_toggles(chart, {key: text for key, text in around.items() if key not in shown})
    for (_, text), users_of in others.items():
        yield _outside(chart, text, tuple(users_of))
    yield from _overridden(chart, around)


def _behind_toggles(chart: RenderedChart, around: Mapping[str, str]) -> Iterator[Use]:
    """Yield what runs for the keys of containers that no rendering as shipped has."""
    for image in chart.images:
        if image.reference and around.get(image.key):
            text = around[image.key].replace(ARRIVED, image.reference)
            yield Use(text=text, path=chart.values_file, line=image.line, key=image.path, only_repository=True)


def _outside(chart: RenderedChart, text: str, users: tuple[Container, ...]) -> Use:
    """Return a rendered reference with its place: the one value that is its source, else the template."""
    key, line = _value(chart, text)
    return Use(
        text=text,
        path=chart.values_file if key else chart.folder + users[0].template,
        line=line,
        key=key,
        containers=users,
        only_repository=bool(key) and at(chart.values.content, key) != text,
    )


def _around(chart: RenderedChart) -> dict[str, str]:
    """Return what runs for each key whose reference no container runs as it is, with `ARRIVED` in its place."""
    declared = {image.key: image.reference for image in chart.images}
    exact: set[str] = set()
    around: dict[str, str] = {}
    for container in _containers(chart):
        reference = declared.get(container.key or "")
        if not reference or not container.image or container.key is None:
            continue
        if container.image == reference:
            exact.add(container.key)
        elif reference in container.image:
            around.setdefault(container.key, container.image.replace(reference, ARRIVED))
        elif "{{" in reference:
            around.setdefault(container.key, "")
    shipped = {container.position for container in chart.containers}
    for container in chart.every_container:
        reference = declared.get(container.key or "")
        if container.position in shipped or not container.key or not reference:
            continue
        # Behind a toggle, it runs a made-up reference.
        if container.arrived is None:
            exact.add(container.key)
        elif repository(reference) == reference:
            around.setdefault(container.key, container.arrived)
    return {key: text for key, text in around.items() if key not in exact}


def _is_template(chart: RenderedChart, image: DeclaredImage) -> bool:
    """Whether an entry that no container uses may be text for `tpl`: what it renders to is not known."""
    used = any(container.key == image.key for container in _containers(chart))
    return "{{" in image.reference and not used and _has_tpl(chart)


def _has_tpl(chart: RenderedChart) -> bool:
    return any("tpl" in text for text in chart.templates.values())


def _value(chart: RenderedChart, text: str) -> tuple[str, int | None]:
    """Return the dotted path and line of the one value that is this reference or its repository, else ""."""
    for wanted in (text, text.partition("@")[0].rpartition(":")[0]):
        found = [path for path in chart.values.lines if wanted and at(chart.values.content, path) == wanted]
        if len(found) == 1:
            return found[0], chart.values.lines[found[0]]
    return "", None


def _containers(chart: RenderedChart) -> Iterator[Container]:
    """Yield the containers with the images that an operator gets: as shipped, and with each toggle on."""
    known = keys(chart)
    seen = set()
    for container in chart.containers:
        seen.add((container.position, container.image))
        yield container
    for rendering in renderings(chart):
        for container in rendering.containers:
            key = container.key if container.key is not None else known.get(container.position)
            # With all toggles on, each key of a section is set to a made-up reference that is in no chart.
            own = not key or rendering.name in SHIPPED or not (chart.images_path or _is_made_up(container))
            if own and (container.position, container.image) not in seen:
                seen.add((container.position, container.image))
                yield replace(container, key=key)


def _is_made_up(container: Container) -> bool:
    return MADE_UP_HOST in (container.image or "")


def _overridden(chart: RenderedChart, around: Mapping[str, str]) -> Iterator[Use]:
    """Yield the references of the values files beside the chart: each text once a file, dormant if the chart ships it.

    Where templates put something `around` the reference of a key, they do so with the one of the file.
    """
    shipped = {image.key: image.reference for image in chart.images}
    for override in chart.overrides:
        lines: defaultdict[tuple[str, bool], list[tuple[str, int | None]]] = defaultdict(list)
        for image in override.images:
            text = around.get(image.key, ARRIVED).replace(ARRIVED, image.reference) if image.reference else ""
            if text and not ("{{" in text and _has_tpl(chart)):
                lines[text, shipped.get(image.key) == image.reference].append((image.path, image.line))
        for (text, repeated), found in lines.items():
            (key, line), *others = found
            more = tuple(path for path, _ in others)
            yield Use(text=text, path=override.path, line=line, key=key, more=more, dormant=repeated)
