"""Finds unquoted numbers that change on their way to the tag of an image, by rendering with the number quoted."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from osh_conformance.charts.values import at, merged, placed
from osh_conformance.errors import SuiteError
from osh_conformance.loading.numbers import written
from osh_conformance.loading.yaml import read_chart_values
from osh_conformance.model.chart import UnquotedNumber, Values

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from osh_conformance.model.chart import Container, RenderedChart
    from osh_conformance.render.memo import RenderMemo

    #: Renders the chart with other files.
    Memos = Callable[[Mapping[str, bytes]], RenderMemo]

_CHART_FILE = "Chart.yaml"
#: Keys whose value may be a tag. Only these are looked for where that takes a rendering of its own.
_TAG_LIKE = re.compile(r"(.*[._\]])?\w*(tag|version|release)", re.IGNORECASE)
#: What a template writes for a number where a text should be.
_NO_TEXT = "%!"
_INDEX = re.compile(r"\[([0-9]+)\]")


def in_tags(
    chart: RenderedChart, files: Mapping[str, bytes], values: Mapping[str, Any], memo: RenderMemo, memo_of: Memos
) -> tuple[UnquotedNumber, ...]:
    """Return the numbers in values.yaml, Chart.yaml and the overrides of `chart` that reach a tag as another text.

    `memo_of` renders the chart with other files. A number counts only if a container runs what it becomes, and runs
    the text in the file once that is quoted.
    """
    found = [*_in_values(chart, values, memo), *_in_chart_file(chart, files, values, memo_of)]
    return (*found, *_in_overrides(chart, values, memo))


def _in_values(chart: RenderedChart, values: Mapping[str, Any], memo: RenderMemo) -> Iterator[UnquotedNumber]:
    own = {path: text for path, text in chart.values.numbers.items() if at(values, path) is None}
    seen = set()
    for base, names_only in ((values, False), (_all_on(chart), True)):
        numbers = {
            path: text
            for path, text in own.items()
            if path not in seen and (not names_only or (_tag_like(path) and _changes(text)))
        }
        for number in _found(numbers, chart.values, "values.yaml", base, memo):
            seen.add(number.key)
            yield number


def _all_on(chart: RenderedChart) -> Mapping[str, Any] | None:
    """Return the values with every toggle on, without those that set images; None if there are none."""
    rendering = chart.renderings.get("all-on")
    if rendering is None or not chart.images_path:
        return rendering.values if rendering else None
    first, _, rest = chart.images_path.partition(".")
    section = rendering.values.get(first)
    if not rest or not isinstance(section, dict):
        return {key: value for key, value in rendering.values.items() if key != first}
    return {**rendering.values, first: {key: value for key, value in section.items() if key != rest.partition(".")[0]}}


def _in_overrides(chart: RenderedChart, values: Mapping[str, Any], memo: RenderMemo) -> Iterator[UnquotedNumber]:
    for override in chart.overrides:
        numbers = {path: text for path, text in override.values.numbers.items() if _tag_like(path) and _changes(text)}
        base = merged(override.values.content, values)
        yield from _found(numbers, override.values, override.path, base, memo)


def _in_chart_file(
    chart: RenderedChart, files: Mapping[str, bytes], values: Mapping[str, Any], memo_of: Memos
) -> Iterator[UnquotedNumber]:
    text = files.get(_CHART_FILE, b"").decode(errors="replace")
    try:
        content = read_chart_values(text, _CHART_FILE)
    except SuiteError:
        return
    for key in ("appVersion", "version"):
        raw = content.numbers.get(key, "")
        if not raw or not any(_may_hold(container.image, raw) for container in chart.containers):
            continue
        line = content.lines[key]
        lines = text.splitlines(keepends=True)
        lines[line - 1] = re.sub(rf"(:\s+){re.escape(raw)}(?=\s|$)", rf'\1"{raw}"', lines[line - 1], count=1)
        try:
            after = memo_of({**files, _CHART_FILE: "".join(lines).encode()}).render(values).containers
        except SuiteError:
            continue
        if containers := _changed(chart.containers, after, raw):
            yield UnquotedNumber(path=_CHART_FILE, key=key, line=line, text=raw, containers=containers)


def _found(
    numbers: Mapping[str, str], source: Values, file: str, base: Mapping[str, Any] | None, memo: RenderMemo
) -> Iterator[UnquotedNumber]:
    """Yield those of `numbers` that reach a tag as another text in the rendering with the values `base`."""
    if base is None or not numbers:
        return
    with_values = merged(source.content, base)

    def containers(paths: Iterable[str]) -> tuple[Container, ...]:
        layers = [_quoted(with_values, path, numbers[path]) for path in paths]
        return memo.render(merged(base, *layers)).containers

    try:
        before = containers(())
        candidates = _candidates(numbers, before)
        if not candidates or not any(_changed(before, containers(candidates), numbers[path]) for path in candidates):
            return
        for path in candidates:
            if changed := _changed(before, containers([path]), numbers[path]):
                text, line = numbers[path], source.lines.get(path)
                yield UnquotedNumber(path=file, key=path, line=line, text=text, containers=changed)
    except SuiteError:
        return  # it does not render so: nothing is known


def _candidates(numbers: Mapping[str, str], containers: Iterable[Container]) -> list[str]:
    """Return the paths of those numbers that the image of a container may hold as another text."""
    images = tuple({container.image for container in containers})
    # A number that is always written as it is can only be seen where a template writes it as no text at all.
    no_text = any(_NO_TEXT in (image or "") for image in images)
    may_be_seen = {path: text for path, text in numbers.items() if no_text or _changes(text)}
    return [path for path, text in may_be_seen.items() if any(_may_hold(image, text) for image in images)]


def _tag_like(path: str) -> bool:
    return _TAG_LIKE.fullmatch(path) is not None


def _changes(text: str) -> bool:
    return any(form != text for form in written(text))


def _may_hold(image: str | None, text: str) -> bool:
    """Whether the tag of `image` has what the number becomes, and not its text."""
    tag = (image or "").rpartition("/")[2].partition(":")[2]
    first, *others = written(text) or ("",)
    if _NO_TEXT in tag:
        return f"={first})" in tag
    return any(form != text and _has(tag, form) for form in (first, *others))


def _has(tag: str, form: str) -> bool:
    """Whether `form` is in `tag` as a number of its own."""
    return re.search(rf"(?<![0-9]){re.escape(form)}(?![0-9])", tag) is not None


def _changed(before: Iterable[Container], after: Iterable[Container], text: str) -> tuple[Container, ...]:
    """Return the containers whose image has the number before, and its text after it was quoted."""
    now = {container.position: container.image or "" for container in after}
    found = []
    for container in before:
        image = now.get(container.position, "")
        if image != container.image and _may_hold(container.image, text) and _has(image, text):
            found.append(container)
    return tuple(found)


def _quoted(values: Mapping[str, Any], path: str, text: str) -> dict[str, Any]:
    """Return values that set `path` to a text; a list that it leads through is there as a whole."""
    outside, *indexes = _INDEX.split(path, maxsplit=1)
    if not indexes:
        return placed(path, text)
    index, rest = int(indexes[0]), indexes[1].removeprefix(".")
    entries = list(at(values, outside) or ())
    if index >= len(entries):
        return {}
    entry = entries[index]
    if not rest:
        entries[index] = text
    elif isinstance(entry, dict):
        entries[index] = merged(entry, _quoted(entry, rest, text))
    return placed(outside, entries)
