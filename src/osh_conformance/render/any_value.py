"""Finds the containers whose image no value changes, in a chart whose layout nobody described."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from osh_conformance.charts.image_entries import put
from osh_conformance.charts.values import at, merged
from osh_conformance.errors import SuiteError
from osh_conformance.render.declared import Arrival

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from osh_conformance.charts.image_entries import Steps
    from osh_conformance.model.chart import Container
    from osh_conformance.render.memo import RenderedSet, RenderMemo

    Position = tuple[str, int, str, str]
    Change = tuple[Steps, Any]

#: Renderings that the search for values which cannot be changed together may take in one chart.
_MOST = 16
_VERSION = re.compile(r"v?\d")
_DIGEST = re.compile(r"(?:sha256:)?[a-f0-9]{64}")
_RUN = re.compile(r"[A-Za-z0-9]+")
#: Names of values that are a part of an image.
_IMAGE_NAME = re.compile(r".*(image|registry|repository|repo|tag|version|digest|sha|hub|prefix|suffix)", re.IGNORECASE)
_REGISTRY_NAME = re.compile(r".*(registry|hub)", re.IGNORECASE)
_TAG_NAME = re.compile(r".*(tag|version)", re.IGNORECASE)
_DIGEST_NAME = re.compile(r".*(digest|sha|sha256)", re.IGNORECASE)
_MENTIONED = re.compile(r"\.Values((?:\)*\.[A-Za-z_]\w*)+)|\bindex\s+\S*\.Values((?:\s+\"[^\"]+\")+)")
_NAME = re.compile(r"[\w-]+")


@dataclass(slots=True)
class SetByValues:
    """What values change.

    - unchanged: for each container whose image no value changes, an arrival with the key "".
    - reason: why the suite cannot say it of some containers, "" if it can of all.
    """

    unchanged: dict[Position, Arrival] = field(default_factory=dict)
    reason: str = ""


def set_by_values(
    bases: Iterable[RenderedSet],
    effective: Mapping[str, Any],
    templates: Iterable[str],
    memo: RenderMemo,
    also: Mapping[str, Any] | None = None,
) -> SetByValues:
    """Render with other values for the parts of images, and see which images of the renderings `bases` stay.

    `effective` are the values of the chart before those of each rendering. `templates` are the sources of templates,
    `also` are values that each rendering has too.
    A value that is a part of an image gets another word with the same form. If some images stay, values that are empty
    or absent, and by their names parts of an image, get one too.
    """
    found = SetByValues()
    known: set[Position] = set()
    mentioned = tuple(templates)
    renderings = 0
    for base in bases:
        containers = [each for each in base.containers if each.image and each.position not in known]
        known |= {each.position for each in containers}
        if containers:
            search = _Search(base, effective, mentioned, memo, also or {})
            search.renderings = renderings
            search.add_to(found, containers)
            renderings = search.renderings
    return found


class _Search:
    """The search in one rendering."""

    def __init__(
        self,
        base: RenderedSet,
        effective: Mapping[str, Any],
        templates: Sequence[str],
        memo: RenderMemo,
        also: Mapping[str, Any],
    ) -> None:
        self._base = base
        self._values = merged(effective, base.values)
        self._templates = templates
        self._memo = memo
        self._also = also
        self._left: dict[Position, Container] = {}
        self.renderings = 0
        self._error = ""

    def add_to(self, found: SetByValues, containers: Iterable[Container]) -> None:
        self._left = {each.position: each for each in containers}
        images = {str(each.image) for each in self._left.values()}
        parts = [steps for steps, value in leaves(self._values) if is_part(steps, value, images)]
        self._change([(steps, word(value_at(self._values, steps), n)) for n, steps in enumerate(parts, start=1)])
        if self._left:
            empty = [*self._empty(), *self._absent()]
            self._change([(steps, new_word(str(steps[-1]), n)) for n, steps in enumerate(empty, start=1)])
        if self._error:
            found.reason = found.reason or self._error
        else:
            found.unchanged |= {position: Arrival(key="") for position in self._left}

    def _change(self, changes: list[Change]) -> None:
        """Render with the changes, with fewer of them where that fails, and note which images are others."""
        waiting = [changes] if changes else []
        while waiting and self._left:
            group = waiting.pop()
            values: dict[str, Any] = {}
            for steps, value in group:
                put(values, steps, value, self._values)
            self.renderings += 1
            try:
                rendered = self._memo.render(merged(self._base.values, self._also, values))
            except SuiteError as error:
                half = len(group) // 2
                if half and self.renderings < _MOST:
                    waiting += [group[half:], group[:half]]
                else:
                    self._error = self._error or f"it does not render with other images: {error.message}"
            else:
                self._compare(rendered.containers)

    def _compare(self, containers: Sequence[Container]) -> None:
        """Remove the containers that have another image now. Where none went, the same place is the same container."""
        before, after = _by_template(self._base.containers), _by_template(containers)
        for template, old in before.items():
            new = after.get(template, [])
            images = {each.position: each.image for each in new}
            for number, each in enumerate(old):
                now = new[number].image if len(new) == len(old) else images.get(each.position, each.image)
                if now != each.image:
                    self._left.pop(each.position, None)

    def _empty(self) -> Iterator[Steps]:
        for steps, value in leaves(self._values):
            if (value is None or value == "") and _IMAGE_NAME.fullmatch(str(steps[-1])):
                yield steps

    def _absent(self) -> Iterator[Steps]:
        """Yield the values that templates mention and the chart does not have."""
        found: dict[tuple[str, ...], None] = {}
        for text in self._templates:
            for match in _MENTIONED.finditer(text):
                names = tuple(_NAME.findall(match[1] or match[2]))
                if _IMAGE_NAME.fullmatch(names[-1]):
                    found[names] = None
        for names in found:
            if self._may_be_set(names) and not any(names != other and _overlap(names, other) for other in found):
                yield names

    def _may_be_set(self, names: tuple[str, ...]) -> bool:
        above = [at(self._values, ".".join(names[:number])) for number in range(1, len(names))]
        nothing = at(self._values, ".".join(names)) is None
        return nothing and all(each is None or isinstance(each, dict) for each in above)


def _overlap(some: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether one place is inside the other."""
    shorter = min(len(some), len(other))
    return some[:shorter] == other[:shorter]


def leaves(value: Any, steps: Steps = ()) -> Iterator[tuple[Steps, Any]]:
    """Yield each value that is neither a mapping nor a list, and the way to it."""
    if isinstance(value, dict | list):
        for step, entry in value.items() if isinstance(value, dict) else enumerate(value):
            if isinstance(step, str | int):
                yield from leaves(entry, (*steps, step))
    elif steps:
        yield steps, value


def value_at(values: Any, steps: Steps) -> Any:
    """Return the value at the end of these steps."""
    for step in steps:
        values = values[step]
    return values


def is_part(steps: Steps, value: Any, images: Iterable[str]) -> bool:
    """Whether a value is a part of an image, whole words of it."""
    if isinstance(value, bool) or not isinstance(value, str | int | float) or not str(value):
        return False
    text = str(value)
    if not isinstance(value, str) or text.isdigit() or not text[:2].strip("0123456789"):
        names = [step for step in steps if isinstance(step, str)]
        if not any(_IMAGE_NAME.fullmatch(name) for name in names[-2:]) and not _VERSION.match(text):
            return False
        if not isinstance(value, str) and not _IMAGE_NAME.fullmatch(names[-1]):
            return False
    bare = re.sub(r"\{\{.*?\}\}", "", text)
    if bare != text:
        return any(_contains(image, piece) for image in images for piece in re.split(r"\{\{.*?\}\}", text) if piece)
    return any(_contains(image, text) for image in images)


def _contains(image: str, text: str) -> bool:
    text = text.strip().strip("/:@")
    return bool(text) and re.search(rf"(?<![A-Za-z0-9])v?{re.escape(text)}(?![A-Za-z0-9])", image) is not None


def word(value: Any, number: int) -> Any:
    """Return another text of the same form: a version, a digest, or words with the same marks between them."""
    text = str(value)
    if _DIGEST.fullmatch(text):
        digest = hashlib.sha256(str(number).encode()).hexdigest()
        return f"sha256:{digest}" if ":" in text else digest
    if _VERSION.match(text):
        return re.sub(r"\d+", str(9000 + number), text, count=1)
    return _RUN.sub(lambda found: f"{found[0]}zq{number}", text, count=1)


def new_word(name: str, number: int) -> str:
    """Return a text for an empty value, by its name."""
    if _REGISTRY_NAME.fullmatch(name):
        return f"zq{number}.invalid"
    if _DIGEST_NAME.fullmatch(name):
        return f"sha256:{hashlib.sha256(str(number).encode()).hexdigest()}"
    return f"{9000 + number}.0.0" if _TAG_NAME.fullmatch(name) else f"zq{number}"


def _by_template(containers: Iterable[Container]) -> dict[str, list[Container]]:
    found: defaultdict[str, list[Container]] = defaultdict(list)
    for container in containers:
        found[container.template].append(container)
    return found
