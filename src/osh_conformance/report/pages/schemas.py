"""JSON Schemas of the files that users write, generated from the records and options that read them.

`python -m osh_conformance.report.pages.schemas src/osh_conformance/data/schemas` writes them again, and a test compares
them. With them, an editor completes and checks a file. Their draft is 7, which every editor knows.
"""

from __future__ import annotations

import json
import sys
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import inspect as types

from osh_conformance.config.configuration import AS_LISTS, FILE, OPTION_KEYS, OUTPUTS, SEVERITY
from osh_conformance.config.levels import Level
from osh_conformance.config.options import Kind
from osh_conformance.model.field_values import KNOWN, ONE_OF, SHAPE, WITHIN
from osh_conformance.report.base import registered
from osh_conformance.report.pages.reference_pages import doc, kinds, meanings
from osh_conformance.rules import registry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from osh_conformance.config.options import Option

#: The name of the schema of the configuration file.
CONFIGURATION = "configuration"
#: Begins the name of the field with the version of a file's layout.
_MARK = "osh_conformance_"
_DRAFT = "http://json-schema.org/draft-07/schema#"
_TEXT: Mapping[str, Any] = {"type": "string"}
_TEXTS: Mapping[str, Any] = {"anyOf": [_TEXT, {"type": "array", "items": _TEXT}]}
_BOOL: Mapping[str, Any] = {"type": "boolean"}
_BY_KIND: Mapping[Kind, Mapping[str, Any]] = {
    Kind.TEXT: _TEXT,
    Kind.FILE: _TEXT,
    Kind.NAMES: _TEXTS,
    Kind.FILES: _TEXTS,
    Kind.PATTERNS: _TEXTS,
    Kind.FLAG: _BOOL,
    Kind.SWITCH: _BOOL,
}
_PLAIN: Mapping[type, Mapping[str, Any]] = {
    types.StrType: _TEXT,
    types.CustomType: _TEXT,
    types.BoolType: _BOOL,
    types.IntType: {"type": "integer"},
    types.FloatType: {"type": "number"},
    types.DateType: {"type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"},
    types.NoneType: {"type": "null"},
    types.AnyType: {},
}
#: Ids and outputs of other packages are right too, so an editor completes the known ones and accepts their form.
_RULE_FORM = "^[A-Za-z]+-[0-9]+$"
_RULE_OR_FAMILY_FORM = "^[A-Za-z]+(-[0-9]+)?$"


def schemas() -> dict[str, str]:
    """Return the text of each schema by its file name."""
    found = {name: _of_record(page.title, page.record) for name, page in kinds().items()}
    found[CONFIGURATION] = _of_configuration()
    return {f"{name}.json": f"{json.dumps(schema, indent=2)}\n" for name, schema in found.items()}


# -- records ---------------------------------------------------------------------------------------------------------


def _of_record(title: str, record: type) -> dict[str, Any]:
    definitions: dict[str, Any] = {}
    _schema(types.type_info(record), definitions)
    whole = definitions.pop(record.__name__)
    return {"$schema": _DRAFT, "title": title, **whole, "definitions": definitions}


def _schema(kind: types.Type, definitions: dict[str, Any]) -> dict[str, Any]:  # noqa: PLR0911  (one line a type)
    match kind:
        case types.Metadata():
            return _annotated(kind, definitions)
        case types.UnionType():
            return {"anyOf": [_schema(each, definitions) for each in kind.types]}
        case types.VarTupleType():
            return {"type": "array", "items": _schema(kind.item_type, definitions)}
        case types.DictType():
            names = _schema(kind.key_type, definitions)
            below = {"type": "object", "additionalProperties": _schema(kind.value_type, definitions)}
            return below if names == _TEXT else {**below, "propertyNames": names}
        case types.EnumType():
            return {"enum": [member.value for member in kind.cls]}
        case types.DataclassType() | types.StructType():
            return _reference(kind, definitions)
    return dict(_PLAIN[type(kind)])


def _annotated(kind: types.Metadata, definitions: dict[str, Any]) -> dict[str, Any]:
    extra = kind.extra or {}
    if ONE_OF in extra:
        return {"enum": list(extra[ONE_OF])}
    if KNOWN in extra:
        return _one_of_rules(sorted(registry.all_rules()), _RULE_FORM)
    schema = _schema(kind.type, definitions)
    if WITHIN in extra:
        least, greatest = extra[WITHIN]
        return {**schema, "minimum": least, "maximum": greatest}
    return {**schema, "pattern": f"^({extra[SHAPE][0]})$"} if SHAPE in extra else schema


def _one_of_rules(names: list[str], form: str) -> dict[str, Any]:
    return {"anyOf": [{"enum": names}, {"type": "string", "pattern": form}]}


def _reference(kind: types.DataclassType | types.StructType, definitions: dict[str, Any]) -> dict[str, Any]:
    name = kind.cls.__name__
    if name not in definitions:
        definitions[name] = {}  # a record below itself refers to this one
        definitions[name] = _object(kind, definitions)
    return {"$ref": f"#/definitions/{name}"}


def _object(kind: types.DataclassType | types.StructType, definitions: dict[str, Any]) -> dict[str, Any]:
    texts = meanings(kind.cls)
    properties: dict[str, Any] = {}
    required = [each.encode_name for each in kind.fields if each.required]
    if isinstance(kind, types.StructType) and kind.tag_field:
        properties[kind.tag_field] = {"const": kind.tag, "description": doc(kind.cls)}
        required = [kind.tag_field, *required]
    for each in kind.fields:
        properties[each.encode_name] = {"description": texts[each.name], **_property(each, definitions)}
    return {
        "type": "object",
        "description": doc(kind.cls),
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _property(each: types.Field, definitions: dict[str, Any]) -> dict[str, Any]:
    if each.encode_name.startswith(_MARK):
        return {"const": 1}
    schema = _schema(each.type, definitions)
    if "$ref" in schema:
        schema = {"allOf": [schema]}  # what stands beside a reference does not count in draft 7
    value = each.default.value if isinstance(each.default, Enum) else each.default
    if isinstance(value, tuple):
        value = list(value)
    simple = value is not msgspec.NODEFAULT and value not in (None, "", [])
    return {**schema, "default": value} if simple and isinstance(value, str | int | float | list) else schema


# -- the configuration file ------------------------------------------------------------------------------------------


def _of_configuration() -> dict[str, Any]:
    options = {name: _of_option(option) for name, option in OPTION_KEYS.items()}
    levels: dict[str, Any] = {"enum": list(Level)}
    level = {"anyOf": [levels, {"type": "object", "additionalProperties": levels}]}
    rules = registry.all_rules()
    names = sorted({*rules, *(rule.family for rule in rules.values())})
    outputs = {name: {**_TEXT, "description": reporter.help} for name, reporter in registered().items()}
    options[SEVERITY] = {
        "type": "object",
        "description": "What findings of a rule or family are, everywhere or by patterns of paths.",
        "properties": {
            name: {**level, "description": rules[name].title} if name in rules else dict(level) for name in names
        },
        "patternProperties": {_RULE_OR_FAMILY_FORM: level},
        "additionalProperties": False,
    }
    options[OUTPUTS] = {
        "type": "object",
        "description": "Files that each run writes, relative to this file.",
        "properties": outputs,
        "additionalProperties": _TEXT,
    }
    return {
        "$schema": _DRAFT,
        "title": "osh-conformance configuration",
        "description": f"The file {FILE}, or the table [tool.osh-conformance] in pyproject.toml.",
        "type": "object",
        "properties": options,
        "additionalProperties": False,
    }


def _of_option(option: Option) -> dict[str, Any]:
    kind = AS_LISTS.get(option.name, option.kind)
    values = {"enum": list(option.choices)} if option.choices else _BY_KIND[kind]
    return {"description": option.help, **values}


def write(folder: Path) -> None:
    """Write every schema into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in schemas().items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
