"""Numbers in YAML as Helm reads and writes them: a number has no text of its own, so `1.10` becomes `1.1`."""

from __future__ import annotations

import functools
import math
import re
from decimal import Decimal
from typing import TYPE_CHECKING

import yaml

from osh_conformance.loading.nodes import MERGE, TEXT, key_text

if TYPE_CHECKING:
    from collections.abc import Iterator

_WHOLE = re.compile(
    r"(?P<sign>[-+]?)(?:0[xX](?P<hex>[0-9a-fA-F]+)|0[bB](?P<bin>[01]+)|0[oO]?(?P<oct>[0-7]+)|(?P<dec>0|[1-9][0-9]*))"
)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_BASES = {"hex": 16, "bin": 2, "oct": 8, "dec": 10}
#: Go writes an exponent of this size and above.
_PLAIN, _SMALLEST = 6, -4
_LONGEST = 400


def number(text: str) -> int | float | None:
    """Return the number that Helm's YAML parser reads in an unquoted text, None if that is a text to it."""
    if not text or len(text) > _LONGEST or text[0] not in "0123456789+-.":
        return None
    plain = text.replace("_", "")
    if whole := _WHOLE.fullmatch(plain):
        digits = next((name for name in _BASES if whole[name]), "dec")
        found = int(whole[digits], _BASES[digits])
        return -found if whole["sign"] == "-" else found
    if _FLOAT.fullmatch(plain):
        value = float(plain)
        return value if math.isfinite(value) else None
    return None


@functools.lru_cache(maxsize=8192)
def written(text: str) -> tuple[str, ...]:
    """Return the texts that a template may write for an unquoted number: as it is first, then as a whole number.

    Empty for a text that is no number.
    """
    value = number(text)
    if value is None or abs(value) > 10**300:
        return ()
    forms = [_as_go_writes(float(value))]
    if float(value).is_integer():
        forms += [str(int(value)), str(int(float(value)))]
    return tuple(dict.fromkeys(forms))


def add_numbers(node: yaml.Node, path: str, numbers: dict[str, str], lines: dict[str, int], first: int) -> None:
    """Add the text of each unquoted number below a node to `numbers`, by dotted path.

    An entry of a list is `path[0]`; the line of a number in it is added to `lines`. `first` is the line in which the
    parsed text begins. The line of a number that an alias or a merge `<<` repeats is that of the number itself.
    """
    if isinstance(node, yaml.ScalarNode):
        if not node.style and number(node.value) is not None:
            numbers[path] = node.value
            if "[" in path:
                lines[path] = node.start_mark.line + first
        return
    seen = set()
    for below, entry in _entries(node, path):
        if below in seen:
            _forget(numbers, below)
        seen.add(below)
        # An alias lies before its key; only the texts that it repeats are followed, so this ends.
        alias = entry.start_mark.index < node.start_mark.index
        if not alias or isinstance(entry, yaml.ScalarNode):
            add_numbers(entry, below, numbers, lines, first)
        if alias and below in numbers:
            lines[below] = entry.start_mark.line + first


def _entries(node: yaml.Node, path: str) -> Iterator[tuple[str, yaml.Node]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.tag == MERGE:
                for mapping in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                    texts = [(name, text) for name, text in mapping.value if isinstance(text, yaml.ScalarNode)]
                    yield from _entries(yaml.MappingNode(mapping.tag, texts), path)
            else:
                name = key.value if key.tag == TEXT else key_text(key)
                yield f"{path}.{name}" if path else name, value
    elif isinstance(node, yaml.SequenceNode):
        for index, entry in enumerate(node.value):
            yield f"{path}[{index}]", entry


def _forget(numbers: dict[str, str], path: str) -> None:
    """Remove what an earlier key of the same path has: the last one counts."""
    for known in [known for known in numbers if known == path or known.startswith((f"{path}.", f"{path}["))]:
        del numbers[known]


def _as_go_writes(value: float) -> str:
    """Return a number as Go's `%v` does: the shortest digits, with an exponent from a million on."""
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    assert isinstance(exponent, int)  # noqa: S101 - it is finite
    size = len(digits) + exponent - 1
    shown = "".join(map(str, digits))
    if shown == "0":
        return "0"
    minus = "-" if sign else ""
    if size < _SMALLEST or size >= _PLAIN:
        fraction = f".{shown[1:]}" if len(shown) > 1 else ""
        return f"{minus}{shown[0]}{fraction}e{'-' if size < 0 else '+'}{abs(size):02}"
    return f"{value:.0f}" if exponent >= 0 else f"{minus}{Decimal(repr(abs(value))).normalize():f}"
