"""Parses YAML into nodes, and nodes into the values that Kubernetes and Helm make of them."""

from __future__ import annotations

import base64
import contextlib
import math
import re
from typing import Any

import yaml

from osh_conformance.errors import SuiteError

try:
    from yaml import CSafeLoader as _BaseLoader
except ImportError:  # PyYAML without libyaml
    from yaml import SafeLoader as _BaseLoader  # type: ignore[assignment]


class Loader(_BaseLoader):
    """Reads what Kubernetes reads, the types of scalars included; nodes become values in `built`."""

    def descend_resolver(self, _node: Any, _index: Any) -> None:
        """Do nothing: no type depends on the place of a node."""

    def ascend_resolver(self) -> None:
        """Do nothing: no type depends on the place of a node."""

    def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
        """Return the type of a node; a plain text always has the same type."""
        if kind is not yaml.ScalarNode:
            return _MAPPING if kind is yaml.MappingNode else _SEQUENCE
        if not implicit[0]:
            return TEXT
        tag = _tags.get(value)
        if tag is None:
            tag = super().resolve(kind, value, implicit)  # type: ignore[no-untyped-call]
            if len(_tags) < _KNOWN_TAGS:
                _tags[value] = tag
        return tag


def built(node: yaml.Node) -> Any:
    """Return the value of a node, as Kubernetes and Helm build it: a value of JSON. Raises `YAMLError`, `ValueError`.

    The keys of mappings are texts; of two that are the same, and of a key and a merge `<<`, the later one wins. A tag
    that is not known says nothing.
    """
    if isinstance(node, yaml.ScalarNode):
        return node.value if node.tag == TEXT else _scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return [built(entry) for entry in node.value]
    found: dict[str, Any] = {}
    for key, value in node.value:
        if key.tag == TEXT and isinstance(key, yaml.ScalarNode):
            found[key.value] = built(value)
        elif key.tag == MERGE:
            for mapping in _to_merge(value):
                found |= built(mapping)
        else:
            found[key_text(key)] = built(value)
    return found


def _scalar(node: yaml.ScalarNode) -> Any:
    """Return the value of a scalar that is no text."""
    tag, text = node.tag, node.value
    if tag == _BOOLEAN:
        return text.lower() in _TRUE
    if tag == _NULL:
        return None
    if tag == _INTEGER and (number := _WHOLE.fullmatch(text)):
        return int(text, 8 if number["octal"] else 10)
    if tag in {_INTEGER, _FRACTION}:
        return _number(node)
    return base64.b64decode(text).decode() if tag == _BINARY else text


def _number(node: yaml.ScalarNode) -> int | float:
    text = node.value.replace("_", "")
    with contextlib.suppress(ValueError):  # 08 is no octal number
        if number := _BASED.fullmatch(text):
            return int(f"{number['sign']}{number['digits']}", {"b": 2, "x": 16}.get(number["base"].lower(), 8))
    with contextlib.suppress(ValueError):
        return int(text)
    found = float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    if not math.isfinite(found):
        raise _wrong(node, f"Kubernetes has no number {text}")
    return found


def key_text(node: yaml.Node) -> str:
    """Return the key of a mapping as JSON has it."""
    value = _scalar(node) if isinstance(node, yaml.ScalarNode) else None
    if value is None:
        raise _wrong(node, "a key that is no text")
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)


def _to_merge(node: yaml.Node) -> list[yaml.Node]:
    """Return the mappings that a merge `<<` names, the first one last: it wins."""
    found = list(reversed(node.value)) if isinstance(node, yaml.SequenceNode) else [node]
    if not all(isinstance(each, yaml.MappingNode) for each in found):
        raise _wrong(node, "`<<` merges mappings only")
    return found


def _wrong(node: yaml.Node, problem: str) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)


TEXT, _MAPPING, _SEQUENCE, _BOOLEAN, _NULL, _INTEGER, _FRACTION, _BINARY, MERGE = (
    f"tag:yaml.org,2002:{name}" for name in ("str", "map", "seq", "bool", "null", "int", "float", "binary", "merge")
)
_TRUE = frozenset({"y", "yes", "true", "on"})
#: YAML 1.1: a leading zero makes an octal number, and modes of files are written so.
_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]{0,17}|(?P<octal>0[0-7]{1,10}))")
_BASED = re.compile(r"(?P<sign>[-+]?)0(?P<base>[bBoOxX]?)(?P<digits>[0-9a-fA-F]+)")
_KNOWN_TAGS = 50_000
_tags: dict[str, str] = {}
#: The plain scalars that are no text, as the library of Kubernetes reads them: no dates, no numbers by sixties, and `y`
#: is a boolean. Each with the characters that it begins with.
_PLAIN = (
    (_BOOLEAN, r"y|Y|yes|Yes|YES|n|N|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF", "yYnNtTfFoO"),
    (_INTEGER, r"[-+]?(?:0[bB][01_]+|0[oO]?[0-7_]+|0[xX][0-9a-fA-F_]+|0|[1-9][0-9_]*)", "-+0123456789"),
    (_FRACTION, r"[-+]?(?:\.[0-9]+|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?", "-+.0123456789"),
    (_FRACTION, r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)", "-+."),
    (_NULL, r"~|null|Null|NULL|", ("~", "n", "N", "")),
    (MERGE, r"<<", "<"),
)
Loader.yaml_implicit_resolvers = {}
for _kind, _pattern, _starts in _PLAIN:
    Loader.add_implicit_resolver(_kind, re.compile(rf"^(?:{_pattern})$"), list(_starts))
_BRACKETS = re.compile(r"[\[\]{}]")
#: A line with more levels of indentation than a real file has.
_INDENTED = re.compile(r"^[ \t?:-]{300}", re.MULTILINE)
_SUSPICIOUS = 150
_ANCHOR, _ALIAS = re.compile(r"&([\w-]+)"), re.compile(r"\*([\w-]+)")
_MAX_DEPTH = 150
_MAX_NODES = 1_000_000
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff\ud800-\udfff]")


def readable(text: str, where: str) -> str:
    """Return the text; raise `SuiteError` for a forbidden character: the parser's own error has no line."""
    if found := _FORBIDDEN.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise SuiteError(f"{where}:{line}: does not parse: the control character {found[0]!r}", expected="valid YAML")
    return text


def check_depth(text: str, where: str) -> None:
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
        raise unreadable(where, error) from error


def has_aliases(text: str) -> bool:
    """Whether the text may have an alias `*name` of an anchor `&name`."""
    return "*" in text and "&" in text and not set(_ANCHOR.findall(text)).isdisjoint(_ALIAS.findall(text))


def check_size(root: yaml.Node | None, where: str, *, aliases: bool) -> None:
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


def unreadable(where: str, error: Exception, expected: str = "valid YAML", *, first: int = 1) -> SuiteError:
    """Return the error of a parser. `first` is the line in which the parsed text begins."""
    mark = getattr(error, "problem_mark", None)
    line = f":{mark.line + first}" if mark else ""
    problem = getattr(error, "problem", None) or str(error)
    return SuiteError(f"{where}{line}: does not parse: {problem}", expected=expected)
