"""docs/rules.md says what the code says."""

from __future__ import annotations

from pathlib import Path

from osh_conformance.report import rules
from osh_conformance.rules import registry

_FILE = Path(__file__).parents[2] / "docs" / "rules.md"


def test_the_document_is_current() -> None:
    written = _FILE.read_text(encoding="utf-8")
    assert written == rules.text(), "osh-conformance explain --markdown > docs/rules.md"


def test_each_rule_says_where_it_comes_from_what_breaks_it_and_what_keeps_it() -> None:
    for rule in registry.all_rules().values():
        assert all((rule.title, rule.source, rule.why, rule.example, rule.fix)), rule.id
        assert all(rules.judged(rule.id).values()), rule.id
