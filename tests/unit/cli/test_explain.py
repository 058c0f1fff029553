"""`osh-conformance explain`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.cli import main
from osh_conformance.repairs.registry import repairs
from osh_conformance.report.pages import rule_pages
from osh_conformance.rules import registry

if TYPE_CHECKING:
    import pytest


def test_explain_prints_one_rule_or_lists_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "ref-1"]) == 0
    assert "REF-1  " in capsys.readouterr().out
    assert main(["explain"]) == 0
    assert "PP-2 " in capsys.readouterr().out


def test_explain_says_what_fix_repairs(capsys: pytest.CaptureFixture[str]) -> None:
    texts = {}
    for rule in registry.all_rules():
        main(["explain", rule])
        texts[rule] = " ".join(capsys.readouterr().out.split())
    assert {rule for rule, text in texts.items() if "--fix" in text} == set(registry.static_rules())
    without = {rule for rule, text in texts.items() if rule_pages.NO_REPAIR in text}
    assert without == set(registry.static_rules()) - set(repairs())
    assert "Put a number in quotes that runs as another text" in texts["REF-4"]
