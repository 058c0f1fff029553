"""Reads a YAML or TOML file into a frozen record, and reports the first mistake: file, line, field, a suggestion.

`msgspec` converts, and checks types. It ignores unknown fields of dataclasses and suggests nothing, so this module
checks the fields and the permitted values first, at any depth.
"""

from __future__ import annotations

import functools
import re
import tomllib
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar, cast

import msgspec
from msgspec import inspect

from osh_conformance.errors import UsageError
from osh_conformance.loading.files import read_text
from osh_conformance.loading.suggest import did_you_mean
from osh_conformance.loading.yaml import read_values
from osh_conformance.model.field_values import KNOWN, ONE_OF, SHAPE, WITHIN

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Mapping

_Record = TypeVar("_Record")
_TOML_TABLE = re.compile(r"\s*\[(?P<name>[^\[\]]+)\]\s*(#.*)?$")
_TOML_KEY = re.compile(r"\s*(?P<name>[\w-]+)\s*=")
#: The last part of a path: `.do`, or `[1]`.
_LAST_PART = re.compile(r"(\.[^.\[\]]*|\[[^\[\]]*\])$")
_NOTHING: Mapping[str, Collection[str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """The content of a file, and the line of each dotted path in it (`steps[1].do`).

    `known` has sets of names that only a caller can give: the rule ids below `rule`. A set that is not there is not
    checked.
    """

    file: str
    fields: Mapping[str, Any]
    lines: Mapping[str, int]
    known: Mapping[str, Collection[str]] = field(default_factory=lambda: _NOTHING)

    def error(self, path: str, problem: str, expected: str = "", fix: str = "", details: str = "") -> UsageError:
        """Return the error at the dotted `path`; "" is the whole file."""
        return UsageError(f"{self.file}:{self.line(path)}: {problem}", expected=expected, fix=fix, details=details)

    def line(self, path: str) -> int:
        """Return the line of the dotted `path`, or of the nearest thing around it."""
        while path and path not in self.lines:
            path = _LAST_PART.sub("", path) if _LAST_PART.search(path) else ""
        return self.lines.get(path, 1)


def load(record: type[_Record], file: Path, known: Mapping[str, Collection[str]] = _NOTHING) -> _Record:
    """Read one record from a file; `known` as `Content` has it.

    Raises `UsageError` for a file that does not exist or does not fit, and `SuiteError` for one that does not parse.
    """
    return convert(record, read(file, known))


def read(file: Path, known: Mapping[str, Collection[str]] = _NOTHING) -> Content:
    """Read a file without converting it; raises as `load` does."""
    if not file.is_file():
        raise UsageError(f"{file} does not exist")
    text = read_text(file)
    if file.suffix == ".toml":
        return Content(file=str(file), fields=_toml(text, file), lines=_toml_lines(text), known=known)
    values = read_values(text, str(file), lists=True)
    return Content(file=str(file), fields=values.content, lines=values.lines, known=known)


def convert(record: type[_Record], content: Content, path: str = "", value: Any = None) -> _Record:
    """Convert `value`, which stands at the dotted `path` of a file; the whole file, where that is empty."""
    value = value if path else content.fields
    _check(_type_info(cast("Hashable", record)), value, path, content)
    try:
        return msgspec.convert(value, record, dec_hook=_decoded)
    except msgspec.ValidationError as error:
        problem, where = _understood(error, path)
        raise content.error(where, f"`{where}`: {problem}" if where else problem) from error


def _decoded(kind: type, value: Any) -> Any:
    """Convert a text to a path: `msgspec` has no such type."""
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise TypeError(f"Expected `{kind.__name__.lower()}`, got `{type(value).__name__}`")


def _understood(error: msgspec.ValidationError, path: str) -> tuple[str, str]:
    """Split `Expected ..., got ... - at `$.steps[0].hold`` into the problem and the dotted path."""
    text, _, place = str(error).partition(" - at `")
    text = text.replace("Invalid RFC3339 encoded date", "no date, expected `YYYY-MM-DD`")
    inside = place.rstrip("`").removeprefix("$").replace("[...]", "")
    where = f"{path}{inside}".removeprefix(".")
    return f"{text[:1].lower()}{text[1:]}", where


@functools.cache
def _type_info(record: Hashable) -> inspect.Type:
    return inspect.type_info(record)


# -- fields and values -----------------------------------------------------------------------------------------------


def _check(kind: inspect.Type, value: Any, path: str, content: Content) -> None:
    """Raise `UsageError` for a field or value that is none. Values of a wrong type are left to the conversion."""
    match kind:
        case inspect.DataclassType() | inspect.StructType() if isinstance(value, dict):
            _check_fields(kind, value, path, content)
        case inspect.UnionType():
            _check_union(kind, value, path, content)
        case inspect.ListType() | inspect.VarTupleType() if isinstance(value, list):
            for number, entry in enumerate(value):
                _check(kind.item_type, entry, f"{path}[{number}]", content)
        case inspect.DictType() if isinstance(value, dict):
            for key, entry in value.items():
                _check_text(key, _below(path, key), content)
                _check(kind.key_type, key, _below(path, key), content)
                if isinstance(kind.value_type, inspect.StrType):
                    # The error of `msgspec` would not name the key.
                    _check_text(entry, _below(path, key), content)
                _check(kind.value_type, entry, _below(path, key), content)
        case inspect.EnumType() if issubclass(kind.cls, Enum):
            _check_value(value, [member.value for member in kind.cls], path, content)
        case inspect.Metadata():
            _check_annotated(kind, value, path, content)


def _check_text(value: Any, path: str, content: Content) -> None:
    if not isinstance(value, str):
        raise content.error(path, f"`{path}`: expected `str`, got `{_KINDS.get(type(value), type(value).__name__)}`")


#: The names of types in messages of `msgspec`.
_KINDS = {list: "array", dict: "object", type(None): "null"}


def _below(path: str, name: object) -> str:
    return f"{path}.{name}" if path else str(name)


def _check_fields(
    kind: inspect.DataclassType | inspect.StructType, value: Mapping[str, Any], path: str, content: Content
) -> None:
    fields = {each.encode_name: each for each in kind.fields}
    tag_field = kind.tag_field if isinstance(kind, inspect.StructType) else None
    where = f"{path}: " if path else ""
    owner = f"`{value[tag_field]}` has " if tag_field else ""
    for name, entry in value.items():
        if name in fields:
            _check(fields[name].type, entry, _below(path, name), content)
        elif name != tag_field:
            problem = f"{where}{owner}no field `{name}`{did_you_mean(str(name), fields)}"
            raise content.error(_below(path, name), problem, _fields(fields))
    for name, each in fields.items():
        if each.required and name not in value:
            raise content.error(path, f"{where}the field `{name}` is missing")


def _fields(names: Collection[str]) -> str:
    return f"one of the fields {', '.join(names)}" if names else "no field"


def _check_union(kind: inspect.UnionType, value: Any, path: str, content: Content) -> None:
    records = {str(each.tag): each for each in kind.types if isinstance(each, inspect.StructType) and each.tag}
    if not records:
        for each in kind.types:
            if value is not None and not isinstance(each, inspect.NoneType):
                _check(each, value, path, content)
        return
    if not isinstance(value, dict):
        return
    tag_field = str(next(iter(records.values())).tag_field)
    if tag_field not in value:
        raise content.error(path, f"{path}: the field `{tag_field}` is missing", f"one of {', '.join(records)}")
    place = _below(path, tag_field)
    _check_text(value[tag_field], place, content)
    _check_value(value[tag_field], list(records), place, content)
    _check_fields(records[value[tag_field]], value, path, content)


def _check_annotated(kind: inspect.Metadata, value: Any, path: str, content: Content) -> None:
    extra = kind.extra or {}
    if ONE_OF in extra:
        _check_value(value, extra[ONE_OF], path, content)
    elif extra.get(KNOWN) in content.known:
        _check_value(value, content.known[extra[KNOWN]], path, content, extra[KNOWN])
    elif WITHIN in extra:
        _check_number(value, extra[WITHIN], path, content)
    elif SHAPE in extra:
        _check_shape(value, extra[SHAPE], path, content)
    else:
        _check(kind.type, value, path, content)


def _check_number(value: Any, limits: tuple[float, float], path: str, content: Content) -> None:
    least, greatest = limits
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and not least <= value <= greatest:
        raise content.error(path, f"`{path}` is {value:g}", f"a number from {least:g} to {greatest:g}")


def _check_shape(value: Any, shape: tuple[str, str], path: str, content: Content) -> None:
    pattern, meaning = shape
    if isinstance(value, str) and not re.fullmatch(pattern, value):
        raise content.error(path, f"`{path}` is `{value}`", meaning)


def _check_value(value: Any, values: Collection[str], path: str, content: Content, noun: str = "value") -> None:
    if isinstance(value, str) and value not in values:
        problem = f"`{path}`: no {noun} `{value}`{did_you_mean(value, values)}"
        raise content.error(path, problem, f"one of {', '.join(map(str, values))}")


# -- TOML ------------------------------------------------------------------------------------------------------------


def _toml(text: str, file: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{file}: does not parse: {error}", expected="valid TOML") from error


def _toml_lines(text: str) -> dict[str, int]:
    """Return the line of each table and key. `tomllib` knows none, so this reads one statement a line."""
    lines: dict[str, int] = {}
    table = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if found := _TOML_TABLE.match(line):
            table = found["name"].strip()
            lines.setdefault(table, number)
        elif found := _TOML_KEY.match(line):
            lines.setdefault(_below(table, found["name"]), number)
    return lines
