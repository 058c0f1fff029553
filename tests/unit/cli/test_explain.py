"""`osh-conformance explain`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.cli import main

if TYPE_CHECKING:
    import pytest


def test_explain_prints_one_rule_or_lists_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "ref-1"]) == 0
    assert "REF-1  " in capsys.readouterr().out
    assert main(["explain"]) == 0
    assert "PP-2 " in capsys.readouterr().out
