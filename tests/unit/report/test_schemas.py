"""The JSON Schemas say what the loaders say."""

from __future__ import annotations

import copy
import datetime as dt
import json
import tomllib
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
import yaml

from osh_conformance.cli import main
from osh_conformance.config import configuration
from osh_conformance.errors import SuiteError
from osh_conformance.loading import records
from osh_conformance.loading.search import data_folder
from osh_conformance.model.field_values import RULES
from osh_conformance.report.pages import schemas
from osh_conformance.report.pages.reference_pages import kinds
from osh_conformance.rules import registry
from tests.paths import CHARTS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_KINDS = kinds()
_FOLDER = data_folder("schemas")
_FILES = [
    *((kind, file) for kind in _KINDS for file in data_folder(f"{kind}s").glob("*.yaml")),
    ("catalog", CHARTS / "catalog.yaml"),
]
_EXAMPLES = [(kind, text) for kind, page in _KINDS.items() for text in page.examples]
_CONFIGURATIONS = [
    'select = "REF"\nexclude = ["vendor"]\nstrict = true\nflavor = ["kolla", "loci"]\nrenderer = "sdk"',
    'deviations = "d.yaml"\nvalues = ["a.yaml"]\noverrides = "o"\nimage-pull-secret = "c.json"',
    '[severity]\nREF = "off"\nREF-1 = {"*" = "warning", "vendor" = "error"}\nref-2 = "error"',
    '[outputs]\njson = "r.json"\njunit = "r.xml"',
]


def _schema(kind: str) -> jsonschema.Draft7Validator:
    return jsonschema.Draft7Validator(json.loads((_FOLDER / f"{kind}.json").read_text()))


def _plain(value: Any) -> Any:
    """Return what an editor has for a parsed file: a date is text."""
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_plain(entry) for entry in value]
    return value.isoformat() if isinstance(value, dt.date) else value


def test_the_schemas_are_current() -> None:
    written = {file.name: file.read_text(encoding="utf-8") for file in _FOLDER.iterdir()}
    assert written == schemas.schemas(), (
        "python -m osh_conformance.report.pages.schemas src/osh_conformance/data/schemas"
    )


@pytest.mark.parametrize("kind", [*_KINDS, schemas.CONFIGURATION])
def test_a_schema_is_one(kind: str) -> None:
    jsonschema.Draft7Validator.check_schema(_schema(kind).schema)


@pytest.mark.parametrize(("kind", "file"), _FILES, ids=[f"{kind}-{file.stem}" for kind, file in _FILES])
def test_every_file_of_the_package_fits(kind: str, file: Path) -> None:
    _schema(kind).validate(_plain(yaml.safe_load(file.read_text())))


@pytest.mark.parametrize("text", _CONFIGURATIONS)
def test_a_configuration_fits(text: str, tmp_path: Path) -> None:
    file = tmp_path / configuration.FILE
    file.write_text(text)
    assert configuration.read(file)
    _schema(schemas.CONFIGURATION).validate(tomllib.loads(text))


# -- wrong files ---------------------------------------------------------------------------------------------------


def _mutants(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of each thing in a document."""
    if path:
        yield path
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, entry in entries:
        yield from _mutants(entry, (*path, key))


def _changed(document: Any) -> Iterator[Any]:
    """Yield a copy of the document for each of its things: without it, with a further one beside it, of other types."""
    for *around, last in _mutants(document):
        for act in ("drop", "add", [["wrong"]], {"wrong": 1}, 7, True, None, "wrong"):
            found = copy.deepcopy(document)
            place = found
            for step in around:
                place = place[step]
            if act == "drop":
                del place[last]
            elif act == "add" and isinstance(place, dict):
                place["zzz"] = "more"
            elif act == "add":
                continue
            else:
                place[last] = act
            yield found


def _accepts(kind: str, document: Any, file: Path) -> bool:
    file.write_text(yaml.safe_dump(document))
    try:
        records.load(_KINDS[kind].record, file, {RULES: registry.all_rules()})
    except SuiteError:
        return False
    return True


@pytest.mark.parametrize(("kind", "text"), _EXAMPLES, ids=[kind for kind, _ in _EXAMPLES])
def test_a_schema_and_the_loader_accept_the_same_files(kind: str, text: str, tmp_path: Path) -> None:
    schema, document = _schema(kind), yaml.safe_load(text)
    marks = {"osh_conformance_catalog", "osh_conformance_deviations"}
    refused = 0
    for changed in _changed(_plain(document)):
        if marks & {*document} and any(changed.get(mark, 1) != 1 for mark in marks):
            continue  # the version of the layout: its reader checks it
        accepted = _accepts(kind, changed, tmp_path / "file.yaml")
        refused += not accepted
        assert schema.is_valid(changed) is accepted, (changed, [error.message for error in schema.iter_errors(changed)])
    assert refused


@pytest.mark.parametrize("text", _CONFIGURATIONS)
def test_the_schema_and_the_reader_accept_the_same_configurations(text: str, tmp_path: Path) -> None:
    file, schema = tmp_path / configuration.FILE, _schema(schemas.CONFIGURATION)
    refused = 0
    for changed in _changed(tomllib.loads(text)):
        try:
            written = _toml(changed)
        except TypeError:
            continue  # TOML has no null
        file.write_text(written)
        try:
            accepted = bool(configuration.read(file)) or not changed
        except SuiteError:
            accepted = False
        refused += not accepted
        assert schema.is_valid(changed) is accepted, (written, [error.message for error in schema.iter_errors(changed)])
    assert refused


def _toml(table: dict[str, Any]) -> str:
    return "\n".join(f"{json.dumps(key)} = {_inline(value)}" for key, value in table.items())


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {_inline(entry)}" for key, entry in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    if value is None:
        raise TypeError
    return json.dumps(value)


# -- how users get them --------------------------------------------------------------------------------------------


def test_explain_writes_the_schemas(tmp_path: Path) -> None:
    assert main(["explain", "--schemas", str(tmp_path / "schemas")]) == 0
    assert {file.name for file in (tmp_path / "schemas").iterdir()} == {file.name for file in _FOLDER.iterdir()}
    assert (tmp_path / "schemas" / "catalog.json").read_text() == (_FOLDER / "catalog.json").read_text()


def test_the_schemas_complete_rules_of_this_version_and_accept_those_of_other_packages() -> None:
    schema = _schema("deviations")
    entry = {"rule": "ACME-1", "reason": "r"}
    schema.validate({"osh_conformance_deviations": 1, "deviations": [entry]})
    assert not schema.is_valid({"osh_conformance_deviations": 1, "deviations": [{**entry, "rule": "REF 1"}]})
    assert '"REF-1"' in (_FOLDER / "deviations.json").read_text()
