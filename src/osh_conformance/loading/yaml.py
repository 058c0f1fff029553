"""Reads YAML as Kubernetes does: values with the line of each key, and manifests."""

from __future__ import annotations

import re
from typing import Any

import yaml

from osh_conformance.errors import SuiteError
from osh_conformance.model.chart import Values

try:
    from yaml import CSafeLoader as _BaseLoader
except ImportError:  # PyYAML without libyaml
    from yaml import SafeLoader as _BaseLoader  # type: ignore[assignment]


class _Loader(_BaseLoader):
    """Reads what Kubernetes reads: no dates, and a lone `=` is a text.

    Nearly all values are texts, numbers and booleans below mappings and lists. This class resolves and builds those
    itself, which is faster, and leaves the rest to PyYAML.
    """

    def descend_resolver(self, _node: Any, _index: Any) -> None:
        """Do nothing: no type depends on the place of a node."""

    def ascend_resolver(self) -> None:
        """Do nothing: no type depends on the place of a node."""

    def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
        """Return the type of a node; a plain text always has the same type."""
        if kind is not yaml.ScalarNode:
            return _MAPPING if kind is yaml.MappingNode else _SEQUENCE
        if not implicit[0]:
            return _TEXT
        tag = _tags.get(value)
        if tag is None:
            tag = super().resolve(kind, value, implicit)  # type: ignore[no-untyped-call]
            if len(_tags) < _KNOWN_TAGS:
                _tags[value] = tag
        return tag

    def build(self, node: yaml.Node) -> Any:
        """Construct a document."""
        try:
            return _built(node)
        except _UnusualError:
            return self.construct_document(node)


class _UnusualError(Exception):
    """`_built` cannot build this node."""


def _built(node: yaml.Node) -> Any:  # noqa: PLR0911  (one for each type)
    tag = node.tag
    if tag == _TEXT:
        return node.value
    if tag == _MAPPING:
        found = {}
        for key, value in node.value:
            if key.tag != _TEXT:
                raise _UnusualError
            found[key.value] = _built(value)
        return found
    if tag == _SEQUENCE:
        return [_built(entry) for entry in node.value]
    if tag == _BOOLEAN:
        return node.value.lower() in _TRUE
    if tag == _NULL:
        return None
    if tag == _INTEGER and (number := _WHOLE.fullmatch(node.value)):
        return int(node.value, 8 if number["octal"] else 10)
    if tag == _FRACTION and _DECIMAL.fullmatch(node.value):
        return float(node.value)
    raise _UnusualError


_TEXT, _MAPPING, _SEQUENCE, _BOOLEAN, _NULL, _INTEGER, _FRACTION = (
    f"tag:yaml.org,2002:{name}" for name in ("str", "map", "seq", "bool", "null", "int", "float")
)
_TRUE = frozenset({"yes", "true", "on"})
#: YAML 1.1: a leading zero makes an octal number, and modes of files are written so.
_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]{0,17}|(?P<octal>0[0-7]{1,10}))")
_DECIMAL = re.compile(r"-?[0-9]{1,15}\.[0-9]{1,15}")
_KNOWN_TAGS = 50_000
_tags: dict[str, str] = {}
_NOT_IN_KUBERNETES = ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:value")
_Loader.yaml_implicit_resolvers = {
    start: [(tag, pattern) for tag, pattern in resolvers if tag not in _NOT_IN_KUBERNETES]
    for start, resolvers in _BaseLoader.yaml_implicit_resolvers.items()
}
_BRACKETS = re.compile(r"[\[\]{}]")
#: A line with more levels of indentation than a real file has.
_INDENTED = re.compile(r"^[ \t?:-]{300}", re.MULTILINE)
_SUSPICIOUS = 150
_ANCHOR, _ALIAS = re.compile(r"&([\w-]+)"), re.compile(r"\*([\w-]+)")
_MAX_DEPTH = 150
_MAX_NODES = 1_000_000
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff\ud800-\udfff]")


def read_values(text: str, where: str, *, lists: bool = False) -> Values:
    """Parse a mapping, with the line of each dotted path; raises `SuiteError` that names `where`.

    It must be a mapping, and have each key once. With `lists` the entries of lists have lines too (`steps[1].do`): data
    files need them, and the values of charts, which are many and large, do not.
    """
    _check_depth(text, where)
    loader = _Loader(_readable(text, where))
    aliases = _has_aliases(text)
    try:
        node = loader.get_single_node()
        _check_size(node, where, aliases=aliases)
        content = loader.build(node) if node is not None else {}
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _unreadable(where, error) from error
    finally:
        loader.dispose()
    if content is None:
        content = {}
    if not isinstance(content, dict):
        raise SuiteError(f"{where}: not a mapping of values", expected="`key: value` lines")
    lines: dict[str, int] = {}
    if node is not None:
        _Index(lines, where, lists=lists).add(node, "")
    return Values(content=content, lines=lines)


def read_manifests(text: str, where: str) -> list[Any]:
    """Parse every document that is not empty; raises `SuiteError` that names `where`."""
    _check_depth(text, where)
    loader = _Loader(_readable(text, where))
    aliases = _has_aliases(text)
    found = []
    try:
        while loader.check_node():
            node = loader.get_node()
            if node is None:
                break
            _check_size(node, where, aliases=aliases)
            found.append(loader.build(node))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _unreadable(where, error, "a template that renders valid YAML") from error
    finally:
        loader.dispose()
    return [document for document in found if document is not None]


def _readable(text: str, where: str) -> str:
    """Return the text; raise `SuiteError` for a forbidden character: the parser's own error has no line."""
    if found := _FORBIDDEN.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise SuiteError(f"{where}:{line}: does not parse: the control character {found[0]!r}", expected="valid YAML")
    return text


def _check_depth(text: str, where: str) -> None:
    """Refuse nesting that is so deep that the recursive parser would end the whole process."""
    depth = deepest = 0
    for bracket in _BRACKETS.finditer(text):
        depth = depth + 1 if bracket[0] in "[{" else max(0, depth - 1)
        deepest = max(deepest, depth)
    if deepest <= _SUSPICIOUS and not _INDENTED.search(text):
        return
    # Brackets in a text and long indentations are no nesting. The parser of events is not recursive, so it can count.
    depth = 0
    try:
        for event in yaml.parse(text, Loader=_BaseLoader):
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            if depth > _MAX_DEPTH:
                line = f":{event.start_mark.line + 1}" if event.start_mark else ""
                raise SuiteError(f"{where}{line}: nested more than {_MAX_DEPTH} deep", expected="valid YAML")
    except (yaml.YAMLError, ValueError) as error:
        raise _unreadable(where, error) from error


def _has_aliases(text: str) -> bool:
    """Whether the text may have an alias `*name` of an anchor `&name`."""
    return "*" in text and "&" in text and not set(_ANCHOR.findall(text)).isdisjoint(_ALIAS.findall(text))


def _check_size(root: yaml.Node | None, where: str, *, aliases: bool) -> None:
    """Refuse aliases that would fill the memory once expanded: Kubernetes and Helm refuse them too."""
    if root is None or not aliases:
        return
    sizes: dict[int, int] = {}

    def size(node: yaml.Node) -> int:
        if id(node) not in sizes:
            sizes[id(node)] = _MAX_NODES + 1  # a node that contains itself has no end
            children = node.value if not isinstance(node, yaml.ScalarNode) else ()
            pairs = (part for child in children for part in (child if isinstance(child, tuple) else (child,)))
            sizes[id(node)] = 1 + sum(size(part) for part in pairs)
        return sizes[id(node)]

    if size(root) > _MAX_NODES:
        raise SuiteError(f"{where}: aliases that stand for {size(root)} values", expected=f"at most {_MAX_NODES}")


def _unreadable(where: str, error: Exception, expected: str = "valid YAML") -> SuiteError:
    mark = getattr(error, "problem_mark", None)
    line = f":{mark.line + 1}" if mark else ""
    problem = getattr(error, "problem", None) or str(error)
    return SuiteError(f"{where}{line}: does not parse: {problem}", expected=expected)


class _Index:
    """Collects the line of each key, by its dotted path."""

    def __init__(self, lines: dict[str, int], where: str, *, lists: bool) -> None:
        self._lines = lines
        self._where = where
        self._lists = lists

    def add(self, node: yaml.Node, path: str) -> None:
        """Add what is below a node; raises `SuiteError` for a key that is there twice."""
        if isinstance(node, yaml.MappingNode):
            self._add_keys(node, f"{path}." if path else "")
        elif self._lists and isinstance(node, yaml.SequenceNode):
            for number, entry in enumerate(node.value):
                place = f"{path}[{number}]"
                # An alias repeats a node that has its own lines; following it again might never end.
                if entry.start_mark.index >= node.start_mark.index:
                    self._lines[place] = entry.start_mark.line + 1
                    self.add(entry, place)

    def _add_keys(self, node: yaml.MappingNode, prefix: str) -> None:
        seen: set[str] = set()
        for key, value in node.value:
            path = f"{prefix}{key.value}"
            line = key.start_mark.line + 1
            if path in seen and key.value != "<<":
                raise SuiteError(
                    f"{self._where}:{line}: the key {path} is there twice, first in line {self._lines[path]}",
                    expected="each key once: of two, tools take different ones",
                )
            seen.add(path)
            self._lines[path] = line
            # As above: an alias lies before its key.
            if value.start_mark.index >= key.start_mark.index:
                self.add(value, path)
