"""The suite and the independent oracle accuse the same containers."""

from __future__ import annotations

import functools
import json
from typing import TYPE_CHECKING, Any

import pytest

from osh_conformance.cli import main
from tests import oracle
from tests.paths import CASES, CHARTS
from tests.unit.helm_program import HELM, needs_helm

if TYPE_CHECKING:
    from pathlib import Path

_TREES = (CHARTS, *(CASES / name for name in ("clean", "ref-1", "ref-2", "ref-4", "pp-1", "key-2")))


@functools.cache
def _judged(tree: Path) -> list[oracle.Judged]:
    return oracle.judge(tree, str(HELM))


def _report(tree: Path, file: Path) -> dict[str, Any]:
    main(["check", str(tree), "--json", str(file)])
    found: dict[str, Any] = json.loads(file.read_text())
    return found


@needs_helm
@pytest.mark.parametrize("tree", _TREES, ids=lambda tree: tree.name)
def test_the_oracle_agrees_on_every_container(tree: Path, tmp_path: Path) -> None:
    judged = _judged(tree)
    assert sum(len(chart.containers) for chart in judged)
    assert oracle.disagreements(judged, _report(tree, tmp_path / "report.json")) == []


@needs_helm
@pytest.mark.parametrize("rule", oracle.RULES)
def test_the_oracle_notices_a_finding_that_is_missing_or_too_much(rule: str, tmp_path: Path) -> None:
    tree = CASES / rule.lower()
    report = _report(tree, tmp_path / "report.json")
    judged = _judged(tree)
    findings = report["findings"]
    missing = {**report, "findings": [finding for finding in findings if finding["rule"] != rule]}
    assert any(f"{rule} misses" in line for line in oracle.disagreements(judged, missing))
    other = "KEY-2" if rule != "KEY-2" else "REF-1"
    wrong = [{**finding, "rule": other} if finding["rule"] == rule else finding for finding in findings]
    assert any(f"{other} alone accuses" in line for line in oracle.disagreements(judged, {**report, "findings": wrong}))
    blind = {**report, "charts": [{**chart, "containers": 0} for chart in report["charts"]]}
    assert any("saw 0 containers" in line for line in oracle.disagreements(judged, blind))
