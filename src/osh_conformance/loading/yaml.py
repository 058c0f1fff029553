"""Reads YAML as Kubernetes does: values with the line of each key, and manifests."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from osh_conformance.errors import SuiteError
from osh_conformance.loading.nodes import (
    MERGE,
    TEXT,
    Loader,
    built,
    check_depth,
    check_size,
    has_aliases,
    key_text,
    readable,
    unreadable,
)
from osh_conformance.loading.numbers import add_numbers
from osh_conformance.model.chart import Values, ValuesProblem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: A separator of documents in what a template rendered; helm 4 has the same expression.
_SEPARATOR = re.compile(r"^---[ \t]*", re.MULTILINE)
#: The end of a document, and a line that is neither empty nor a comment.
_END = re.compile(r"^\.\.\.(?=\s|\Z)", re.MULTILINE)
_SAYS_SOMETHING = re.compile(r"^[ \t]*[^\s#]", re.MULTILINE)


def read_values(text: str, where: str, *, lists: bool = False) -> Values:
    """Parse a mapping, with the line of each dotted path; raises `SuiteError` that names `where`.

    It must be a mapping, and have each key once. With `lists` the entries of lists have lines too (`steps[1].do`): data
    files need them, and the values of charts, which are many and large, do not.
    """
    check_depth(text, where)
    loader = Loader(readable(text, where))
    aliases = has_aliases(text)
    try:
        node = loader.get_single_node()
        check_size(node, where, aliases=aliases)
        content = built(node) if node is not None else {}
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise unreadable(where, error) from error
    finally:
        loader.dispose()
    if content is None:
        content = {}
    if not isinstance(content, dict):
        raise SuiteError(f"{where}: not a mapping of values", expected="`key: value` lines")
    lines: dict[str, int] = {}
    if node is not None:
        _Index(lines, where, lists=lists).add(node, "")
    numbers: dict[str, str] = {}
    if node is not None and not lists:
        add_numbers(node, "", numbers, lines, 1)
    return Values(content=content, lines=lines, numbers=numbers)


def read_chart_values(text: str, where: str) -> Values:
    """Parse the values of a chart as Helm does; raises `SuiteError` that names `where` for what Helm refuses too.

    What tools disagree about is in `problems`: a key given twice, of which the last one counts; text after the end of
    the document, which nothing reads; and a further document, which Helm 4 merges and Helm 3 ignores.
    """
    check_depth(text, where)
    content: dict[str, Any] = {}
    lines: dict[str, int] = {}
    numbers: dict[str, str] = {}
    problems: list[ValuesProblem] = []
    repeated: set[str] = set()
    further = False
    for first, part in _values_documents(readable(text, where), where):
        node = _first_node(part, where, first)
        own: dict[str, int] = {}
        document = _mapping(node, where, first)
        if node is not None:
            index = _Index(own, where, lists=False, first=first, problems=problems)
            index.add(node, "")
            repeated |= index.repeated
            add_numbers(node, "", numbers, own, first)
        if further and document and node is not None:
            line = node.start_mark.line + first
            problems.append(ValuesProblem(line=line, text="a second document: Helm 4 merges it, Helm 3 ignores it"))
        further = further or _SAYS_SOMETHING.search(part) is not None
        problems += _after_end(part, first)
        content = _merged(content, document)
        lines |= own
    return Values(content=content, lines=lines, problems=tuple(problems), numbers=numbers, repeated=frozenset(repeated))


def read_first_document(text: str, where: str) -> dict[str, Any]:
    """Parse a Chart.yaml or requirements.yaml as Helm does: its first document, and of two same keys the last one.

    Raises `SuiteError` that names `where`.
    """
    check_depth(text, where)
    return _mapping(_first_node(readable(text, where), where, 1), where, 1)


def _values_documents(text: str, where: str) -> list[tuple[int, str]]:
    """Return each document of a values file, with the line that it begins in: Helm ends one at `---`."""
    found: list[tuple[int, str]] = []
    begin, current = 1, list[str]()
    for number, line in enumerate(text.splitlines(keepends=True) if "---" in text else [text], start=1):
        if line.startswith("---") and len(text) != len(line):
            rest = line[3:].strip()
            if rest and not rest.startswith("#"):
                raise SuiteError(f"{where}:{number}: text behind the separator `---`", expected="`---` on its own line")
            if current:
                found.append((begin, "".join(current)))
                begin, current = number + 1, []
                continue
        current.append(line)
    return [*found, (begin, "".join(current))] if current else found


def _after_end(text: str, first: int) -> list[ValuesProblem]:
    """Return a problem for text after the end `...` of the document."""
    end = _END.search(text)
    if end is None:
        return []
    rest = _SAYS_SOMETHING.search(text, end.end())
    if rest is None:
        return []
    line = first + text.count("\n", 0, rest.start())
    ended = first + text.count("\n", 0, end.start())
    text = f"text after the end `...` of the document in line {ended}: nothing reads it"
    return [ValuesProblem(line=line, text=text)]


def _first_node(text: str, where: str, first: int) -> yaml.Node | None:
    loader = Loader(text)
    try:
        node = loader.get_node() if loader.check_node() else None
        check_size(node, where, aliases=has_aliases(text))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise unreadable(where, error, first=first) from error
    finally:
        loader.dispose()
    return node


def _mapping(node: yaml.Node | None, where: str, first: int) -> dict[str, Any]:
    try:
        content = built(node) if node is not None else {}
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise unreadable(where, error, first=first) from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise SuiteError(f"{where}: not a mapping of values", expected="`key: value` lines")
    return content


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(base)
    for key, value in over.items():
        known = found.get(key)
        both = isinstance(known, dict) and isinstance(value, dict)
        found[key] = _merged(known, value) if both else value  # type: ignore[arg-type]
    return found


def read_manifests(text: str, where: str, known: dict[str, Any] | None = None) -> list[Any]:
    """Parse every document that is not empty, split as Helm splits them; raises `SuiteError` that names `where`.

    Helm takes each `---` at the start of a line for the end of a document, whatever follows it, and reads no further
    than a document's own end `...`. With `known` a text that is there is not parsed again, and the others are added.
    """
    check_depth(text, where)
    found = []
    for first, part in _documents(readable(text, where)):
        if known is not None and part in known:
            found.append(known[part])
            continue
        try:
            node = _first_node(part, where, first)
            found.append(built(node) if node is not None else None)
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            raise unreadable(where, error, "a template that renders valid YAML", first=first) from error
        if known is not None:
            known[part] = found[-1]
    return [document for document in found if document is not None]


def _documents(text: str) -> Iterator[tuple[int, str]]:
    """Yield each document of a rendered template, with the line that it begins in."""
    start = 0
    line = 1
    counted = 0
    for end, after in (*((each.start(), each.end()) for each in _SEPARATOR.finditer(text)), (len(text), len(text))):
        # The blanks before its first word are no part of it, of an indentation neither.
        begin = end - len(text[start:end].lstrip())
        if begin < end:
            line += text.count("\n", counted, begin)
            counted = begin
            yield line, text[begin:end]
        start = after


class _Index:
    """Collects the line of each key, by its dotted path, and the keys that are there twice.

    `first` is the line in which the parsed text begins. Without `problems` a key that is there twice is an error.
    """

    def __init__(
        self,
        lines: dict[str, int],
        where: str,
        *,
        lists: bool,
        first: int = 1,
        problems: list[ValuesProblem] | None = None,
    ) -> None:
        self._lines = lines
        self._where = where
        self._lists = lists
        self._first = first
        self._problems = problems
        self._paths: dict[int, str] = {}
        #: The paths of what an alias repeats.
        self.repeated: set[str] = set()

    def add(self, node: yaml.Node, path: str) -> None:
        """Add what is below a node; raises `SuiteError` for a key that is there twice."""
        if isinstance(node, yaml.MappingNode):
            self._add_keys(node, f"{path}." if path else "")
        elif not isinstance(node, yaml.SequenceNode):
            return
        elif not self._lists:
            if self._problems is not None:
                _Index({}, self._where, lists=True, first=self._first, problems=self._problems).add(node, path)
        else:
            for number, entry in enumerate(node.value):
                place = f"{path}[{number}]"
                # An alias repeats a node that has its own lines; following it again might never end.
                if entry.start_mark.index >= node.start_mark.index:
                    self._lines[place] = entry.start_mark.line + self._first
                    self.add(entry, place)

    def _add_keys(self, node: yaml.MappingNode, prefix: str) -> None:
        seen: set[str] = set()
        for key, value in node.value:
            path = f"{prefix}{key.value if key.tag in {TEXT, MERGE} else key_text(key)}"
            line = key.start_mark.line + self._first
            if path in seen and key.tag != MERGE:
                self._twice(path, line)
            seen.add(path)
            self._lines[path] = line
            # As above: an alias lies before its key.
            if value.start_mark.index >= key.start_mark.index:
                self.add(value, path)
            self._repeat(value)
            self._paths.setdefault(id(value), path)

    def _repeat(self, value: yaml.Node) -> None:
        """Note the path of a node that is there a second time, alone or in a list."""
        for node in value.value if isinstance(value, yaml.SequenceNode) else (value,):
            self.repeated |= {self._paths[id(node)]} if id(node) in self._paths else set()

    def _twice(self, path: str, line: int) -> None:
        before = self._lines[path]
        if self._problems is None:
            raise SuiteError(
                f"{self._where}:{line}: the key {path} is there twice, first in line {before}",
                expected="each key once: of two, tools take different ones",
            )
        self._problems.append(ValuesProblem(line=line, key=path, text=f"given twice, in line {before} and line {line}"))
        for below in [other for other in self._lines if other.startswith(f"{path}.")]:
            del self._lines[below]
