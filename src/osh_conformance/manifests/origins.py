"""The file and line that a piece of a rendered manifest comes from: known for certain, or not at all.

Rendered text has no positions. So a line counts only where everything that the template can reach holds exactly one
that can have rendered the piece: the template itself, and the defines that it includes, also those of its libraries.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from osh_conformance.manifests.template_text import ACTION, Field, Part, define_names, fields, fits, parts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from osh_conformance.model.chart import Container, Document, RenderedChart

_CONTAINERS = frozenset({"containers", "initContainers", "ephemeralContainers"})
#: Below these keys an include that is not known could bring a container or a whole object.
_OPEN = _CONTAINERS | {"", "[]", "spec", "template"}
_ANNOTATIONS = ("metadata", "annotations")


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """A line (from 1) of a template, by its file relative to the chart."""

    file: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reach:
    """What a template can print: its parts, and whether it includes something that the chart's files do not have."""

    parts: tuple[Part, ...]
    unknown: frozenset[str]
    strings: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """An entry of a list of containers, as a template has it: the lines and values of each of its keys."""

    file: str
    keys: Mapping[str, tuple[tuple[int, str], ...]]

    def lines(self, key: str, value: str | None) -> list[int]:
        """Return the lines of a key that can have rendered `value`."""
        wanted = value or ""
        return [line for line, text in self.keys.get(key, ()) if fits(text or (ACTION if wanted else ""), wanted)]


class Origins:
    """Finds lines in the templates of one chart."""

    def __init__(self, chart: RenderedChart) -> None:
        """Read nothing yet but the names of the defines."""
        self.templates = chart.templates
        self._values = chart.effective or chart.values.content
        self._defines: dict[str, list[str]] = {}
        for file in sorted(chart.templates, key=lambda path: (path.count("/"), path)):
            text = chart.templates[file]
            for name in define_names(text) if "{{" in text else ():
                self._defines.setdefault(name, []).append(file)
        self._reached: dict[str, _Reach] = {}
        self._loose: dict[str, frozenset[str]] = {}

    @functools.cached_property
    def _in_values(self) -> tuple[frozenset[str], frozenset[str]]:
        """The names of the containers that values hold, which a template may print whole; and all keys of values."""
        found = list(_mappings(self._values))
        names = (str(entry.get("name")) for entry in found if "image" in entry)
        return frozenset(names), frozenset(str(key) for entry in found for key in entry)

    def of_container(self, container: Container, *keys: str) -> Origin | None:
        """Return the line of the first of `keys` that the container's entry has; None where it is not certain."""
        entry = self._entry(container)
        if entry is None:
            return None
        rendered = {"image": container.image, "imagePullPolicy": container.pull_policy, "name": container.name}
        for key in keys:
            if key not in entry.keys:
                continue
            known = key in rendered
            lines = entry.lines(key, rendered[key]) if known else [line for line, _ in entry.keys[key]]
            if len(set(lines)) == 1:
                return Origin(file=entry.file, line=lines[0])
            if key == "image":
                return None
        return None

    def of_object(self, document: Document, *keys: str) -> Origin | None:
        """Return the line of the first of `keys` that the object has; None where it is not certain.

        A key is `kind`, `name`, an annotation (it has a slash), or a key of `spec`.
        """
        reach = self._reach(document.template)
        found = [(part, section) for part in reach.parts for section in _sections(part) if _is_of(section, document)]
        if len(found) != 1 or self._is_open(reach):
            return None
        part, section = found[0]
        for key in keys:
            lines = list(self._lines_of(part, section, document, key, reach))
            if len(lines) == 1:
                return lines[0]
        return None

    def of_script(self, template: str, entry: str, text: str) -> Origin | None:
        """Return the line of a script that is `text` word for word.

        The script is the entry of that name of a ConfigMap: its lines are in the file, or in the define, that the entry
        names. A script in a command, and an entry that names nothing, have theirs in what the template can print.
        """
        reach = self._reach(template).parts
        places = [(part, field) for part in reach for field in fields(part) if field.key == entry]
        if len(places) > 1:
            return None
        sources = list(self._named_by(template, *places[0])) if places else []
        found = [
            Origin(file=part.file, line=line.number)
            for part in sources or reach
            for line in part.lines
            if text.strip() and line.text.strip() == text.strip()
        ]
        return found[0] if len(found) == 1 else None

    def _named_by(self, template: str, part: Part, entry: Field) -> Iterator[Part]:
        """Yield the file that the line below an entry names, else the defines that it names."""
        folder = template.rpartition("/")[0]
        below = next((line for line in part.lines if line.number > entry.line.number), None)
        named = below.strings if below and below.bare else ()
        files = [path for text in named if (path := f"{folder}/{text}") in self.templates]
        if files:
            yield from (self._top(path) for path in files)
        else:
            yield from (each for text in named for each in self._define(text))

    def _entry(self, container: Container) -> _Entry | None:
        reach = self._reach(container.template)
        found = [entry for part in reach.parts for entry in self._entries(part) if _can_be(entry, container)]
        if len(found) != 1 or self._is_open(reach) or container.name in self._in_values[0]:
            return None
        return found[0]

    def _entries(self, part: Part) -> Iterator[_Entry]:
        by_item: dict[int, list[Field]] = {}
        for field in fields(part):
            if field.item is not None and field.path[-2:-1] == ("[]",):
                by_item.setdefault(field.item, []).append(field)
        for found in by_item.values():
            parent = found[0].path[-3] if len(found[0].path) > 2 else ""  # noqa: PLR2004
            keys: dict[str, list[tuple[int, str]]] = {}
            for field in found:
                names = [field.key] if field.key else sorted(self._brought(field.line.includes))
                for key in names:
                    keys.setdefault(key, []).append((field.line.number, field.value if field.key else ACTION))
            if parent in _CONTAINERS or (not parent and "image" in keys):
                yield _Entry(file=part.file, keys={key: tuple(lines) for key, lines in keys.items()})

    def _brought(self, includes: Iterable[str]) -> frozenset[str]:
        """Return the keys that these defines print into the mapping that includes them."""
        return frozenset().union(*(self._loose_keys(name) for name in includes))

    def _loose_keys(self, name: str) -> frozenset[str]:
        if name not in self._loose:
            self._loose[name] = frozenset()  # a define may include itself
            found: set[str] = set()
            for part in self._define(name):
                for field in fields(part):
                    if len(field.path) == 1:
                        found |= {field.key} if field.key else self._brought(field.line.includes)
            self._loose[name] = frozenset(found)
        return self._loose[name]

    def _lines_of(
        self, part: Part, section: Sequence[Field], document: Document, key: str, reach: _Reach
    ) -> Iterator[Origin]:
        if key in ("kind", "name"):
            path = ("kind",) if key == "kind" else ("metadata", "name")
            yield from (_at(part, field) for field in section if field.path == path)
        elif "/" not in key:
            yield from (_at(part, field) for field in section if field.path == ("spec", key))
        elif key not in reach.strings and key not in self._in_values[1]:
            annotations = document.metadata.get("annotations")
            value = str(annotations.get(key)) if isinstance(annotations, dict) and key in annotations else ""
            here = [(part, field) for field in section if field.path == (*_ANNOTATIONS, key)]
            loose = [(other, field) for other in reach.parts for field in fields(other) if field.path == (key,)]
            yield from (_at(other, field) for other, field in (*here, *loose) if fits(field.value, value))

    def _is_open(self, reach: _Reach) -> bool:
        """Whether something unknown that the template includes may print containers or objects."""
        return bool(reach.unknown) and any(
            not reach.unknown.isdisjoint(field.line.includes)
            for part in reach.parts
            for field in fields(part)
            if not field.key and (field.path[-2] if len(field.path) > 1 else "") in _OPEN
        )

    def _reach(self, template: str) -> _Reach:
        if template not in self._reached:
            self._reached[template] = self._reach_of(template)
        return self._reached[template]

    def _reach_of(self, template: str) -> _Reach:
        found: dict[tuple[str, str], Part] = {}
        unknown: set[str] = set()
        strings: set[str] = set()
        waiting = [self._top(template)]
        computed = ""
        while waiting:
            part = waiting.pop()
            found[part.file, part.name] = part
            strings |= part.strings
            names = set(part.includes) - {"", "("}
            computed += "(" if "(" in part.includes else "$" if "" in part.includes else ""
            if "(" in computed:
                names |= set(self._defines)
            elif computed:
                names |= strings & set(self._defines)
            unknown |= {name for name in names if name not in self._defines}
            new = (each for name in sorted(names) for each in self._define(name))
            waiting += [each for each in new if (each.file, each.name) not in found and each not in waiting]
        return _Reach(parts=tuple(found.values()), unknown=frozenset(unknown), strings=frozenset(strings))

    def _top(self, file: str) -> Part:
        every = parts(file, self.templates.get(file, ""))
        return next(part for part in every if not part.name)

    def _define(self, name: str) -> list[Part]:
        """Return the defines of that name; files with the same text, as of a library that is there twice, are one."""
        files = {self.templates[file]: file for file in reversed(self._defines.get(name, ()))}
        return [part for text, file in files.items() for part in parts(file, text) if part.name == name]


_last: list[tuple[RenderedChart, Origins]] = []


def origins(chart: RenderedChart) -> Origins:
    """Return the origins of a chart: the same record while rules ask about the same chart."""
    if not _last or _last[0][0] is not chart:
        _last[:] = [(chart, Origins(chart))]
    return _last[0][1]


def _at(part: Part, field: Field) -> Origin:
    return Origin(file=part.file, line=field.line.number)


def _sections(part: Part) -> list[list[Field]]:
    """Return the objects in a part: the fields of each document that has a kind."""
    found: dict[int, list[Field]] = {}
    for field in fields(part):
        found.setdefault(field.section, []).append(field)
    return [section for section in found.values() if any(field.path == ("kind",) for field in section)]


def _is_of(section: Sequence[Field], document: Document) -> bool:
    kinds = [field.value for field in section if field.path == ("kind",)]
    names = [field.value for field in section if field.path == ("metadata", "name")] or [ACTION]
    return any(fits(kind, document.kind) for kind in kinds) and any(fits(name, document.name) for name in names)


def _can_be(entry: _Entry, container: Container) -> bool:
    """Whether the entry can have rendered the container."""
    if "name" in entry.keys and not entry.lines("name", container.name):
        return False
    return "image" not in entry.keys or bool(entry.lines("image", container.image))


def _mappings(values: Any) -> Iterator[Mapping[str, Any]]:
    stack = [values]
    while stack:
        here = stack.pop()
        if isinstance(here, dict):
            yield here
            stack += here.values()
        elif isinstance(here, list):
            stack += here
