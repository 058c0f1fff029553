"""Derives a chart's promises with given values: its policy, its images by key, and the key of each container."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from osh_conformance.charts import conventions, image_entries
from osh_conformance.charts.values import at, merged
from osh_conformance.model.chart import ARRIVED, MADE_UP_HOST, DeclaredChart, Shape
from osh_conformance.render.engines.base import NAMESPACE, RELEASE
from osh_conformance.render.parse import containers_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from osh_conformance.charts.image_entries import ImageEntry
    from osh_conformance.charts.source import ChartSource
    from osh_conformance.model.chart import Container
    from osh_conformance.model.convention import Convention
    from osh_conformance.render.engines.base import Renderer

    Position = tuple[str, int, str, str]


def declare(  # noqa: PLR0913, PLR0917  (what a release is made of)
    source: ChartSource,
    convention: Convention | None,
    values: Mapping[str, Any],
    renderer: Renderer,
    release: str = RELEASE,
    namespace: str = NAMESPACE,
) -> DeclaredChart:
    """Render an opened chart twice with `values` and return what a release with them declares.

    `convention` None means: the one that the chart's values follow. `release` and `namespace` are those of the
    release. Raises `SuiteError` if the chart does not render.
    """
    convention = convention or conventions.recognise(source.values.content)
    effective = merged(source.values.content, values)
    containers = containers_of(renderer.render(source.folder, values, release, namespace))
    declared = DeclaredChart(
        name=source.name,
        version=source.version,
        convention=None,
        policy=None,
        images={},
        functions={},
        containers=containers,
        keeps=source.keeps,
    )
    if convention is None:
        return declared
    images = conventions.declared_images(convention, source.values, effective)
    keys = tuple(image.key for image in images)
    probe = probe_of(convention, effective)
    overridden = merged(values, probe.values)
    arrivals = probe.found(containers_of(renderer.render(source.folder, overridden, release, namespace)))
    containers = with_keys(containers, arrivals)
    # A map may leave its tag to the template: then what renders is what it says.
    composed = {each.key: each.image or "" for each in reversed(containers) if each.key}
    references = {image.key: image.reference for image in images}
    references |= {
        image.key: composed.get(image.key, "") for image in images if image.shape is Shape.MAP and not image.reference
    }
    policy = at(effective, convention.pull_policy) if convention.pull_policy else None
    return replace(
        declared,
        convention=convention.name,
        policy=None if policy is None else str(policy),
        images=references,
        functions=conventions.functions(convention, source.name, keys),
        containers=containers,
    )


def used_keys(
    source: ChartSource, convention: Convention, values: Mapping[str, Any], renderer: Renderer
) -> frozenset[str]:
    """Return the image keys that containers of an opened chart use with `values`; renders it once.

    Raises `SuiteError` if the chart does not render.
    """
    probe = probe_of(convention, merged(source.values.content, values))
    rendered = renderer.render(source.folder, merged(values, probe.values), RELEASE, NAMESPACE)
    return frozenset(arrival.key for arrival in probe.found(containers_of(rendered)).values() if arrival.key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """What became of made-up references in one container.

    - key: the key whose reference arrived, "" if none did.
    - text: the image, with `ARRIVED` for the reference, if there is more in it; None if it is exactly the reference.
    """

    key: str
    text: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """Values that set every image to a made-up reference, and what becomes of these in a rendering.

    - convention, effective: the layout, and the values that the chart has without the probe.
    - references: the made-up reference of each key.
    - entries: the images that values declare, by key. A key that values do not have is a text of the images section.
    """

    convention: Convention
    effective: Mapping[str, Any]
    references: Mapping[str, str]
    entries: Mapping[str, ImageEntry]

    @property
    def values(self) -> dict[str, Any]:
        """The values that set every image."""
        return conventions.image_values(self.convention, self.references, values=self.effective)

    def with_policy(self, policy: str) -> dict[str, Any]:
        """Return the values that set every image, and the pull policy."""
        return conventions.image_values(self.convention, self.references, policy, values=self.effective)

    def found(self, containers: Iterable[Container]) -> dict[Position, Arrival]:
        """Return what arrived in each container of a rendering with these values."""
        path = self.convention.local_registry
        prefixed = bool(path) and at(self.effective, path) is True
        return {container.position: self._arrival(container.image or "", prefixed) for container in containers}

    def address(self, containers: Iterable[Container]) -> str:
        """Return the address of a registry that most of the made-up references have in front, with its slash, or ""."""
        fronts = (_FRONT.match(container.image or "") for container in containers)
        found = Counter(front["address"] for front in fronts if front)
        return found.most_common(1)[0][0] if found else ""

    def _arrival(self, image: str, prefixed: bool) -> Arrival:  # noqa: FBT001
        found = _NUMBER.search(image)
        number = int(found["number"]) if found else -1
        keys = tuple(self.references)
        if not 0 <= number < len(keys):
            return Arrival(key="")
        key = keys[number]
        text = image.replace(self.references[key], ARRIVED).replace(self._by_digest(key), ARRIVED)
        if text == ARRIVED or (prefixed and _WITH_HOST.fullmatch(text)) or self._is_all(key, image):
            return Arrival(key=key)
        return Arrival(key=key, text=text.replace(self._repository(key), ARRIVED))

    def _is_all(self, key: str, image: str) -> bool:
        """Whether the image is all that an image map without a tag says: the template may have one of its own."""
        entry = self.entries.get(key)
        if entry is None or entry.shape is not Shape.MAP or "tag" in entry.fields:
            return False
        return re.fullmatch(re.escape(self._repository(key)) + "(:[^:/]+)?", image) is not None

    def _repository(self, key: str) -> str:
        return self.references[key].partition("@")[0].rpartition(":")[0]

    def _by_digest(self, key: str) -> str:
        """Return the reference as it is where the digest of an image map stands for its tag."""
        _, at_sign, digest = self.references[key].partition("@")
        return f"{self._repository(key)}@{digest}" if at_sign else self.references[key]


#: A reference with the address of a registry in front.
_WITH_HOST = re.compile(rf"[\w.-]+(:\d+)?/{re.escape(ARRIVED)}")
_FRONT = re.compile(rf"(?P<address>[\w.-]+(:\d+)?/){re.escape(MADE_UP_HOST)}/osh-conformance/")
#: The tag of made-up references, and the digest of those that have one.
TAG = "1.0.0"
DIGEST = f"sha256:{'05' * 32}"
_REPOSITORY = f"{MADE_UP_HOST}/osh-conformance/key-{{}}-end"
_NUMBER = re.compile(r"osh-conformance/key-(?P<number>\d+)-end")


def probe_of(convention: Convention, effective: Mapping[str, Any], extra_keys: Iterable[str] = ()) -> Probe:
    """Return the probe for charts with these values; `extra_keys` are keys that values lack and are set too."""
    entries = {
        entry.key: entry for entry in image_entries.entries(convention, effective) if entry.shape is not Shape.OTHER
    }
    keys = dict.fromkeys((*entries, *extra_keys))
    # A template may take it for granted that there is a digest where the values have one.
    pinned = {key for key, entry in entries.items() if entry.value_of("digest")}
    return Probe(
        convention=convention,
        effective=effective,
        references={key: _sentinel(index, digest=key in pinned) for index, key in enumerate(keys)},
        entries=entries,
    )


def _sentinel(number: int, *, digest: bool) -> str:
    """Return a reference that stands in no chart."""
    return f"{_REPOSITORY.format(number)}:{TAG}" + (f"@{DIGEST}" if digest else "")


def with_keys(containers: Iterable[Container], arrivals: Mapping[Position, Arrival]) -> tuple[Container, ...]:
    """Return `containers` with their keys. A container that only this rendering has gets None: its key is not known."""
    found = []
    for container in containers:
        arrival = arrivals.get(container.position)
        key, text = (arrival.key, arrival.text) if arrival else (None, None)
        same = container.key == key and container.arrived == text
        found.append(container if same else replace(container, key=key, arrived=text))
    return tuple(found)
