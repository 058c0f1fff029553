"""The reports of a run, read back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import jsonschema

from osh_conformance.loading.search import data_folder
from tests.case_charts import case

if TYPE_CHECKING:
    from pathlib import Path

CLEAN = str(case("clean-flat"))
#: Rules that both clean charts pass, so that these tests do not know every rule.
SIX = "--select=REF-1,REF-2,REF-4,KEY-1,PP-1,PP-2"


def document_of(file: Path) -> dict[str, object]:
    document = json.loads(file.read_text())
    jsonschema.validate(document, json.loads(data_folder("report.schema.json").read_text()))
    return dict(document)


def count(junit: Path, tag: str) -> int:
    return len(ET.parse(junit).findall(f".//{tag}"))  # noqa: S314  (we wrote it)
