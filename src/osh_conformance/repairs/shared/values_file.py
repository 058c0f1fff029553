"""A values file as a text in which single values are found by their dotted path, with exact positions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from osh_conformance.errors import SuiteError
from osh_conformance.loading.nodes import MERGE, TEXT, Loader, check_depth, check_size, key_text, readable
from osh_conformance.repairs.problem import UncertainError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from osh_conformance.repairs.problem import Source

_QUOTES = "'\""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scalar:
    """One value that is written as a text on one line.

    - start, end: the offsets of its text in the file, quotes included, an anchor or tag in front excluded.
    - value: the text, without quotes.
    - quote: the quote around it, "" without one.
    - uses: the dotted paths at which the file uses it: several where aliases repeat it.
    """

    start: int
    end: int
    value: str
    quote: str
    uses: frozenset[str]

    @property
    def inside(self) -> int:
        """The offset at which the text begins, inside of the quotes."""
        return self.start + len(self.quote)


class ValuesFile:
    """The values of a file, by their dotted path: `sidecars[0].tag` is in a list."""

    def __init__(self, source: Source) -> None:
        """Parse the file; raises `UncertainError` unless it is one document that parses."""
        #: Parsers count no byte order mark.
        self._skipped = len(source.text) - len(source.text.removeprefix("\ufeff"))
        self._text = source.text[self._skipped :]
        self._nodes: dict[str, list[yaml.Node]] = {}
        self._uses: dict[int, set[str]] = {}
        try:
            self._add(_document(self._text, source.path), "", ())
        except (yaml.YAMLError, ValueError, RecursionError, SuiteError) as error:
            raise UncertainError("the file does not parse as plain YAML") from error

    def below(self, path: str) -> list[str]:
        """Return the paths right below a mapping; empty for another value."""
        node = self._node(path)
        entries = node.value if isinstance(node, yaml.MappingNode) else ()
        return [f"{path}.{_name(key)}" for key, _ in entries if key.tag != MERGE]

    def is_text(self, path: str) -> bool:
        """Whether there is one single text or number at the path."""
        nodes = self._nodes.get(path, [])
        return len(nodes) == 1 and isinstance(nodes[0], yaml.ScalarNode)

    def value(self, path: str) -> str:
        """Return the text at a path as YAML reads it."""
        return str(self._node(path).value)

    def scalar(self, path: str) -> Scalar:
        """Return the value at a path; raises `UncertainError` unless it is written on one line as it is read."""
        node = self._node(path)
        if not isinstance(node, yaml.ScalarNode):
            raise UncertainError(f"{path} is no single text")
        if node.style not in (None, "", *_QUOTES):
            raise UncertainError(f"{path} is a block of text")
        quote = node.style or ""
        written = f"{quote}{node.value}{quote}"
        end = node.end_mark.index
        start = end - len(written)
        # The mark of its start may be that of its anchor or tag. So the text is read backwards from its end.
        if start < 0 or self._text[start:end] != written or not node.value:
            raise UncertainError(f"{path} is not written as it is read: it has escapes, or several lines")
        return Scalar(
            start=start + self._skipped,
            end=end + self._skipped,
            value=node.value,
            quote=quote,
            uses=frozenset(self._uses[id(node)]),
        )

    def _node(self, path: str) -> yaml.Node:
        found = self._nodes.get(path, [])
        if not found:
            raise UncertainError(f"the file has no {path}")
        if len(found) > 1:
            raise UncertainError(f"the file has {path} twice, or merges another one into its place")
        return found[0]

    def _add(self, node: yaml.Node | None, path: str, around: tuple[int, ...]) -> None:
        if node is None or id(node) in around:
            return
        if path:
            self._nodes.setdefault(path, []).append(node)
            self._uses.setdefault(id(node), set()).add(path)
        for below, entry in _entries(node, path):
            self._add(entry, below, (*around, id(node)))


def _document(text: str, where: str) -> yaml.Node | None:
    check_depth(text, where)
    loader = Loader(readable(text, where))
    found = []
    try:
        while loader.check_node():
            found.append(loader.get_node())
    finally:
        loader.dispose()
    if len(found) > 1:
        raise UncertainError("the file has several documents")
    check_size(found[0] if found else None, where, aliases=True)
    return found[0] if found else None


def _entries(node: yaml.Node, path: str) -> Iterator[tuple[str, yaml.Node]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.tag == MERGE:
                for mapping in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                    yield from _entries(mapping, path)
            else:
                yield (f"{path}.{_name(key)}" if path else _name(key)), value
    elif isinstance(node, yaml.SequenceNode):
        for number, entry in enumerate(node.value):
            yield f"{path}[{number}]", entry


def _name(key: yaml.Node) -> str:
    return str(key.value) if key.tag == TEXT else key_text(key)
