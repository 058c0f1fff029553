"""The pages in docs/rules are those that the rules generate, and `explain` prints the same facts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from osh_conformance.cli import main
from osh_conformance.report.pages import rule_pages
from osh_conformance.rules import registry
from tests.paths import ROOT

if TYPE_CHECKING:
    from pathlib import Path

_FOLDER = ROOT / "docs" / "rules"


def test_the_pages_are_current() -> None:
    written = {file.name: file.read_text(encoding="utf-8") for file in _FOLDER.iterdir()}
    assert written == rule_pages.pages(), "remove docs/rules, then osh-conformance explain --markdown docs/rules"


@pytest.mark.parametrize("rule", registry.all_rules())
def test_each_rule_gives_its_source_a_reason_a_fix_an_example_and_what_it_does_not_see(rule: str) -> None:
    found = registry.all_rules()[rule]
    assert all((found.title, found.source, found.why, found.fix, found.blind, found.before, found.after))
    assert rule_pages.checks(rule)
    assert all(rule_pages.checks(rule).values())


@pytest.mark.parametrize("rule", registry.all_rules())
def test_explain_prints_the_example_before_and_after(rule: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", rule]) == 0
    printed = [line.strip() for line in capsys.readouterr().out.splitlines()]
    before, after = printed.index("before"), printed.index("after")
    lines = [line.strip() for line in registry.all_rules()[rule].after.rstrip().splitlines()]
    assert before < after
    assert printed[after + 1 :] == lines


def test_explain_and_the_page_say_what_a_rule_does_not_look_at(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "REF-1"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "not seen references outside of containers" in printed
    assert "RELATED_IMAGE_*" in printed
    page = rule_pages.pages()["ref-1.md"]
    assert page.index("## How it is checked") < page.index("## What it does not look at") < page.index("## Fix")
    assert "custom resources of operators" in page


@pytest.mark.parametrize(("rule", "comments"), [("REF-1", 1), ("DROP-4", 0)])
def test_explain_and_the_page_say_how_to_opt_out(
    rule: str,
    comments: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["explain", rule]) == 0
    for text in (capsys.readouterr().out, rule_pages.pages()[f"{rule.lower()}.md"]):
        assert text.count(f"# osh-conformance: ignore {rule} REASON") == comments, "no comment reaches a live rule"
        assert f"`rule: {rule}`" in text
        assert f"--ignore {rule}" in text


def test_explain_writes_the_pages(tmp_path: Path) -> None:
    assert main(["explain", "--markdown", str(tmp_path / "pages")]) == 0
    assert {file.name for file in (tmp_path / "pages").iterdir()} == set(rule_pages.pages())


def test_a_folder_that_cannot_be_written_is_a_usage_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main(["explain", "--markdown", str(tmp_path / "file")]) == 4
    assert f"--markdown {tmp_path / 'file'}" in capsys.readouterr().err
