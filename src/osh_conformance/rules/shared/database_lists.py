"""Lists of databases in one text, in the ways that charts write them."""

from __future__ import annotations

import ast
import json
import re
from typing import TYPE_CHECKING, Any, Final

from osh_conformance.manifests.vocabulary import words

if TYPE_CHECKING:
    from collections.abc import Mapping

#: What stands for a database in a list: parts of it, by the names in `entries` of `data/vocabulary/databases.yaml`.
Entry = dict[str, str]

_NAME: Final = re.compile(r"[\w-]+")


def entries(text: str) -> tuple[Entry, ...] | None:
    """Return the databases that a text lists, None if it is no list that is known here.

    A list is one of JSON, of Python or of YAML in brackets, or names with commas, semicolons, spaces or line ends
    between them. In a list in brackets a database is a name, or a mapping with its name or with file, section and key.
    A mapping of mappings has the names as keys.
    """
    text = text.strip()
    if text[:1] in ("[", "{", "("):
        return _structured(_parsed(text))
    return _plain(text, r"[\s,;]+")


def _plain(text: str, between: str) -> tuple[Entry, ...] | None:
    """Return the names in a text; None if one of them is none."""
    names = [name.strip("'\"`") for name in re.split(between, text)]
    names = [name for name in names if name and name != "-"]
    return tuple({"name": name} for name in names) if all(_NAME.fullmatch(name) for name in names) else None


def _parsed(text: str) -> Any:
    """Return the value of a text in brackets; the text inside them if it is neither JSON nor Python."""
    for parse in (json.loads, ast.literal_eval):
        try:
            return parse(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
    return text[1:-1] if text.startswith("[") and text.endswith("]") else None


def _structured(value: Any) -> tuple[Entry, ...] | None:
    if isinstance(value, str):
        return _plain(value, r"[\s,]+")
    if isinstance(value, dict):
        entry = _entry(value)
        if entry is not None:
            return (entry,)
        named = [{**each, "name": name} for name, each in value.items() if isinstance(each, dict)]
        value = named if len(named) == len(value) else None
    if not isinstance(value, list | tuple | set):
        return None
    found = [_entry(each) for each in value]
    return None if None in found else tuple(entry for entry in found if entry is not None)


def _entry(value: Any) -> Entry | None:
    if isinstance(value, str):
        return {"name": value}
    parts = _parts(value) if isinstance(value, dict) else {}
    return parts if "name" in parts or {"file", "section", "key"} <= set(parts) else None


def _parts(entry: Mapping[Any, Any]) -> Entry:
    found = {re.sub(r"[_-]", "", str(field)).lower(): value for field, value in entry.items()}
    return {
        part: found[name]
        for part, names in words("databases")["entries"].items()
        for name in reversed(names)
        if isinstance(found.get(name), str) and found[name]
    }
