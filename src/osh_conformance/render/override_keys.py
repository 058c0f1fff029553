"""Reads the values overrides of a chart, and shows which of their images reach a manifest."""

from __future__ import annotations

import contextlib
import functools
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from osh_conformance.charts import conventions, image_entries
from osh_conformance.charts.values import at, merged, placed
from osh_conformance.errors import SuiteError
from osh_conformance.loading.files import decode_text
from osh_conformance.loading.yaml import read_chart_values
from osh_conformance.manifests.templates import Templates
from osh_conformance.manifests.vocabulary import words
from osh_conformance.model.chart import MADE_UP_HOST, DeclaredImage, Shape, Values, ValuesOverride, plain_key
from osh_conformance.reference import InvalidReferenceError, parse
from osh_conformance.render.any_value import leaves
from osh_conformance.render.declared import probe_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from osh_conformance.model.chart import RenderedChart
    from osh_conformance.model.convention import Convention
    from osh_conformance.render.all_on import AllOn
    from osh_conformance.render.memo import RenderMemo

_PLACE = MADE_UP_HOST + "/osh-conformance/place-{}-end:1.0.0"
#: What an error says behind the name of the file.
_PLACE_OF_ERROR = re.compile(r"(?::(?P<line>\d+))?:? (?P<text>.*)", re.DOTALL)
_KEY = re.compile(r"osh-conformance/key-(\d+)-end")
_NUMBER = re.compile(r"osh-conformance/place-(\d+)-end")
_WHOLE = re.compile(r"osh-conformance/place-(\d+)-end:1\.0\.0")


def read_override(path: str, data: bytes, convention: Convention | None) -> ValuesOverride:
    """Return a values override, read as Helm reads it.

    One that Helm refuses has the error and is empty, unless it parses once its placeholders are replaced.
    """
    error, line, placeholder = "", None, ""
    values = Values(content={}, lines={})
    try:
        text = decode_text(data, path)
        values = read_chart_values(text, path)
    except SuiteError as problem:
        found = _PLACE_OF_ERROR.match(problem.message.removeprefix(path))
        line, error = (int(found["line"] or 0) or None, found["text"]) if found else (None, problem.message)
        text = data.decode(errors="replace")
        if first := _placeholders().search(text):
            with contextlib.suppress(SuiteError):
                values = read_chart_values(_placeholders().sub("placeholder", text), path)
                placeholder = first[0]
    images = conventions.declared_images(convention, values, values.content) if convention else ()
    return ValuesOverride(
        path=path, values=values, images=images, error=error, error_line=line, placeholder=placeholder
    )


@functools.cache
def _placeholders() -> re.Pattern[str]:
    return re.compile("|".join(words("placeholders")["placeholders"]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What the images of a chart and of its overrides reach.

    - unused: the declared image keys that no rendering uses and no template can look up.
    - overrides: the overrides, with what of their images has no effect.
    """

    unused: tuple[str, ...]
    overrides: tuple[ValuesOverride, ...]


def reach_of(
    chart: RenderedChart,
    convention: Convention,
    overrides: Iterable[ValuesOverride],
    all_on: AllOn,
    memo: RenderMemo,
) -> Reach:
    """Return which declared keys have no effect, and which images of the overrides.

    Of the overrides only what no template can look up by its name is rendered: with the override's own values over
    those of `all_on`. Overrides that set nothing but images share one rendering.
    """
    found = list(overrides)
    if not convention.images:
        return Reach(unused=(), overrides=tuple(found))
    asking = _Asking(chart, convention)
    questions = {number: question for number, each in enumerate(found) if (question := asking.about(each))}
    plain = [question for question in questions.values() if question.only_images]
    base = all_on.every[0].values
    together = _arriving(plain, base, convention, memo) if plain else None
    for number, question in questions.items():
        arrived = together if question.only_images else _arriving([question], base, convention, memo)
        if arrived is None:
            found[number] = replace(found[number], undecided=True)
        else:
            lost = tuple(image for image in question.images if image.path not in arrived)
            found[number] = replace(found[number], without_effect=lost)
    return Reach(unused=asking.unused(all_on), overrides=tuple(found))


def without_content(overrides: Iterable[ValuesOverride]) -> tuple[ValuesOverride, ...]:
    """Return overrides without what no rule reads: there may be many, and they may be long."""
    return tuple(
        replace(each, values=Values(content={}, lines={}, problems=each.values.problems)) for each in overrides
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """The images of an override of which no template seems to read the place.

    - content: the whole override.
    - reshaped: the paths of maps that the chart declares as texts: only the whole reference of such a one arrives.
    - only_images: whether it sets nothing but the images section.
    """

    content: Mapping[str, Any]
    images: tuple[DeclaredImage, ...]
    reshaped: frozenset[str]
    only_images: bool


class _Asking:
    """Finds what only a rendering can show."""

    def __init__(self, chart: RenderedChart, convention: Convention) -> None:
        self._chart = chart
        self._convention = convention
        self._section = f"{convention.images}."
        self._declared = conventions.declared_images(convention, chart.values, chart.effective)

    def unused(self, all_on: AllOn) -> tuple[str, ...]:
        """Return the declared keys of the section that reach no container, no other manifest, and no template."""
        used = {arrival.key for arrivals in all_on.keys.values() for arrival in arrivals}
        candidates = [
            image.key
            for image in self._declared
            if image.key not in used
            and image.path == f"{self._section}{image.key}"
            and not self._templates.may_use(image.key)
        ]
        if not candidates:
            return ()
        numbers = {
            key: number for number, key in enumerate(probe_of(self._convention, self._chart.effective).references)
        }
        arrived = {number for each in all_on.shown for number in _alone(each.texts.values(), _KEY)}
        return tuple(key for key in candidates if numbers.get(key) not in arrived)

    def about(self, override: ValuesOverride) -> _Question | None:
        """Return the question about an override, None if there is none."""
        known = {image.path for image in self._declared}
        inside = [image for image in override.images if image.path not in known and self._is_unknown(image)]
        outside = [image for image in _images_in((), override.values, self._convention) if self._is_lost(image)]
        texts = {image.path for image in self._declared if image.shape is Shape.TEXT}
        reshaped = [image for image in override.images if image.path in texts and image.shape is Shape.MAP]
        images = {image.path: image for image in (*inside, *outside, *reshaped)}
        if not images or override.placeholder:
            return None
        return _Question(
            content=override.values.content,
            images=tuple(images.values()),
            reshaped=frozenset(image.path for image in reshaped),
            only_images=set(override.values.content) == {self._section.partition(".")[0]},
        )

    def _is_unknown(self, image: DeclaredImage) -> bool:
        if image.path != f"{self._section}{image.key}":
            return False
        misspelled = any(plain_key(image.key) == plain_key(other.key) for other in self._declared)
        return misspelled or not self._templates.may_use(image.key)

    def _is_lost(self, image: DeclaredImage) -> bool:
        top = image.path.partition(".")[0]
        if image.path == f"{self._section}{image.key}":
            return False
        if image.path.startswith(self._section):
            place = self._section + image.path.removeprefix(self._section).partition(".")[0]
            return at(self._chart.effective, place) is None and not self._templates.names(place)
        if top == "global" or any(path.startswith(f"charts/{top}/") for path in self._chart.templates):
            return False
        return at(self._chart.effective, image.path) is None and not self._templates.may_have(image.path)

    @functools.cached_property
    def _templates(self) -> Templates:
        return Templates(self._chart.templates, self._convention.images, _texts(self._chart.effective))


def _texts(values: Any) -> Iterator[str]:
    """Return the texts in values that may be templates."""
    return (value for _, value in leaves(values) if isinstance(value, str) and "{{" in value)


def _images_in(steps: tuple[str, ...], values: Values, convention: Convention) -> Iterator[DeclaredImage]:
    """Yield the texts and maps of an override that are image references, wherever they are."""
    here = at(values.content, ".".join(steps)) if steps else values.content
    for key, value in here.items():
        if not isinstance(key, str) or "." in key:
            continue
        path = ".".join((*steps, key))
        if path in values.repeated:
            continue  # an anchor that has its effect where an alias repeats it
        fields = image_entries.map_fields(value, convention.image_fields)
        reference = image_entries.composed(value, fields) if fields else value
        if _is_reference(reference, path):
            yield DeclaredImage(key=key, reference=str(reference), path=path, line=values.lines.get(path))
        elif isinstance(value, dict):
            yield from _images_in((*steps, key), values, convention)


def _is_reference(value: Any, path: str) -> bool:
    """Whether a text can only be an image: it has a slash, and a tag or a digest; or a host, where the path says so."""
    if not isinstance(value, str) or "/" not in value or "://" in value:
        return False
    try:
        found = parse(value)
    except InvalidReferenceError:
        return False
    return bool(found.tag or found.digest) or (found.explicit_domain and "image" in path)


def _arriving(
    questions: Sequence[_Question], base: Mapping[str, Any], convention: Convention, memo: RenderMemo
) -> frozenset[str] | None:
    """Return the paths whose made-up reference is in a manifest, None if the chart does not render with them."""
    content = merged(*(question.content for question in questions))
    paths = tuple(dict.fromkeys(image.path for question in questions for image in question.images))
    reshaped = frozenset[str]().union(*(question.reshaped for question in questions))
    strict = {number for number, path in enumerate(paths) if path in reshaped}
    places = merged(
        *(placed(path, _made_up(number, at(content, path), convention)) for number, path in enumerate(paths))
    )
    images = placed(convention.images, at(base, convention.images) or {})
    for below in (base, {}):
        with contextlib.suppress(SuiteError):
            rendered = memo.render(merged(below, content, images, places))
            whole = _alone(rendered.texts.values(), _WHOLE)
            found = whole | (_alone(rendered.texts.values(), _NUMBER) - strict)
            return frozenset(paths[number] for number in found if number < len(paths))
    return None


def _made_up(number: int, value: Any, convention: Convention) -> Any:
    reference = _PLACE.format(number)
    fields = image_entries.map_fields(value, convention.image_fields)
    return image_entries.in_parts(reference, value, fields) if fields else reference


def _alone(texts: Iterable[str], pattern: re.Pattern[str]) -> set[int]:
    """Return the numbers of made-up references that stand alone in a line. A list of all images says nothing."""
    found = set()
    for text in texts:
        for match in pattern.finditer(text):
            begin, end = text.rfind("\n", 0, match.start()) + 1, text.find("\n", match.end())
            if text.count(MADE_UP_HOST, begin, end if end >= 0 else None) == 1:
                found.add(int(match[1]))
    return found
