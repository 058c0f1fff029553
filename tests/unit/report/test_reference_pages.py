"""docs/reference/ says what the records say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from osh_conformance.loading import records
from osh_conformance.report.pages import reference_pages
from tests.paths import ROOT

if TYPE_CHECKING:
    from pathlib import Path

_FOLDER = ROOT / "docs" / "reference"
_KINDS = reference_pages.kinds()
_FOLDED = {name: " ".join(text.split()) for name, text in reference_pages.pages().items()}


def test_the_pages_are_current() -> None:
    written = {file.name: file.read_text(encoding="utf-8") for file in _FOLDER.iterdir()}
    assert written == reference_pages.pages(), "python -m osh_conformance.report.pages.reference_pages docs/reference"


@pytest.mark.parametrize("kind", _KINDS)
def test_every_example_loads(kind: str, tmp_path: Path) -> None:
    for example in _KINDS[kind].examples:
        (tmp_path / "example.yaml").write_text(example)
        assert records.load(_KINDS[kind].record, tmp_path / "example.yaml")


@pytest.mark.parametrize("verb", ["install", "upgrade", "test", "sql", "sessions", "inject", "repair", "uninstall"])
def test_the_page_of_scenarios_has_a_section_for_each_verb(verb: str) -> None:
    assert f"## `do: {verb}`" in _FOLDED["scenario.md"]


def test_a_field_has_its_type_its_default_and_its_meaning() -> None:
    assert "`layers` (one of `gzip`, `zstd`, default `gzip`): The compression of the layers" in _FOLDED["format.md"]
    assert "`rule` (rule id, required): The id of the rule." in _FOLDED["deviations.md"]
