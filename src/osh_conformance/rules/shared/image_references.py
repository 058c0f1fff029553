"""The image references of a chart: declared in values, rendered in templates, and set by values overrides."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from osh_conformance.manifests.pods import SHIPPED, keys, renderings
from osh_conformance.model.finding import Location
from osh_conformance.reference import ImageReference, InvalidReferenceError, parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from osh_conformance.model.chart import Container, RenderedChart

#: Istio replaces this by the image of its proxy.
_INJECTED = "auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """A reference, the place where it is written, and the containers that run it.

    `only_repository`: the place holds the repository alone, the tag stands elsewhere. `more` are other keys with the
    same text.
    """

    text: str
    path: str
    line: int | None
    key: str
    containers: tuple[Container, ...] = ()
    only_repository: bool = False
    more: tuple[str, ...] = ()

    @property
    def cause(self) -> str:
        """The repository where no key names the place: it stays the same when the tag is bumped."""
        return "" if self.key else repository(self.text)

    def place(self, chart: RenderedChart) -> Location:
        """Return the place for a finding: with a container where no key in values holds the reference."""
        outside = self.containers[0] if self.containers and not self.key else None
        return Location(
            chart=chart.name,
            path=self.path,
            line=self.line,
            key=self.key,
            workload=outside.workload if outside else "",
            container=outside.name if outside else "",
            containers=tuple(container.label for container in self.containers),
        )

    def described(self, remark: str) -> str:
        """Return the reference with a remark, and the other keys that have it."""
        also = f"; also {', '.join(self.more)}" if self.more else ""
        return f"{self.text}  ({remark}){also}"

    def set_to(self, reference: str) -> str:
        """Return the line of values, or of a manifest, that puts `reference` in its place."""
        if self.only_repository:
            name, _, tag = reference.rpartition(":")
            return f"{self.key}: {name}" if tag and not self.text.startswith(name) else f"the tag of {self.key}: {tag}"
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


def at_version(reference: ImageReference) -> str:
    """Return the reference with `<version>` in place of its tag."""
    return str(reference.with_tag("VERSION")).replace(":VERSION", ":<version>")


def uses(chart: RenderedChart) -> Iterator[Use]:
    """Yield every declared reference, every rendered one that is not a declared one, and those of values overrides."""
    declared = {image.key: image.reference for image in chart.images}
    reached: defaultdict[str, list[Container]] = defaultdict(list)
    others: defaultdict[tuple[str, str], list[Container]] = defaultdict(list)
    for container in _containers(chart):
        if container.key and container.image == declared.get(container.key):
            reached[container.key].append(container)
        elif container.image and container.image != _INJECTED:
            # Without an images section one value may be the source of them all.
            others[container.template if chart.convention else "", container.image].append(container)
    for image in chart.images:
        if image.reference:
            users = tuple(reached[image.key])
            yield Use(text=image.reference, path=chart.values_file, line=image.line, key=image.path, containers=users)
    for (_, text), users_of in others.items():
        key, line = _value(chart, text)
        yield Use(
            text=text,
            path=chart.values_file if key else chart.folder + users_of[0].template,
            line=line,
            key=key,
            containers=tuple(users_of),
            only_repository=bool(key) and _leaf(chart.values.content, key) != text,
        )
    yield from _overridden(chart)


def _value(chart: RenderedChart, text: str) -> tuple[str, int | None]:
    """Return the dotted path and line of the one value that is this reference or its repository, else ""."""
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
    """Yield the containers with the images that an operator gets: as shipped, and with each toggle on."""
    known = keys(chart)
    seen = set()
    for container in chart.containers:
        seen.add((container.position, container.image))
        yield container
    for rendering in renderings(chart):
        for container in rendering.containers:
            key = container.key if container.key is not None else known.get(container.position)
            # With all toggles on, each key is set to a made-up reference that is in no chart.
            if (container.position, container.image) not in seen and (not key or rendering.name in SHIPPED):
                seen.add((container.position, container.image))
                yield replace(container, key=key)


def _overridden(chart: RenderedChart) -> Iterator[Use]:
    """Yield the references of the values files beside the chart: each text once a file, unless the chart ships it."""
    shipped = {image.key: image.reference for image in chart.images}
    for override in chart.overrides:
        lines: defaultdict[str, list[tuple[str, int | None]]] = defaultdict(list)
        for image in override.images:
            if image.reference and shipped.get(image.key) != image.reference:
                lines[image.reference].append((image.path, image.line))
        for text, places in lines.items():
            (key, line), *others = places
            yield Use(text=text, path=override.path, line=line, key=key, more=tuple(path for path, _ in others))
