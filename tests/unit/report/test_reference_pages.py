"""docs/reference/ says what the records say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from osh_conformance.loading import definitions, records
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


def test_the_page_of_runtimes_says_what_each_cannot_give_and_what_differs_there() -> None:
    page = _FOLDED["runtime.md"]
    for name, runtime in definitions.runtimes().items():
        text = page.partition(f"### {name} ")[2].partition("### ")[0]
        limits = [f"cannot give `{limit.privilege}`: {limit.reason}" for limit in runtime.limits]
        handler = [f"`handler`: `{runtime.handler}`"] if runtime.handler else ["`handler`: the default"]
        recipe = [f"`recipe`: `{runtime.recipe}`"] if runtime.recipe else []
        said = [f"`cri`: `{runtime.cri}`", *handler, *recipe, runtime.needs, *limits, *runtime.differs]
        assert not [each for each in said if " ".join(each.split()) not in text]
        assert (f"`patience`: {runtime.patience:g} times" in text) is (runtime.patience != 1)


def test_a_field_has_its_type_its_default_and_its_meaning() -> None:
    assert "`layers` (one of `gzip`, `zstd`, default `gzip`): The compression of the layers" in _FOLDED["format.md"]
    assert "`rule` (rule id, required): The id of the rule." in _FOLDED["deviations.md"]
