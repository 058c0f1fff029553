"""The JSON document and the JUnit file that `check` writes."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from osh_conformance.cli import main
from tests.case_charts import case
from tests.paths import CASES
from tests.unit.cli.reports import CLEAN, count, document_of

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_reports_are_written_after_a_usage_error(tmp_path: Path) -> None:
    report, junit = tmp_path / "deep" / "r.json", tmp_path / "r.xml"
    argv = ["check", CLEAN, "--select", "NO-1", "--json", str(report), "--junit", str(junit)]
    assert main(argv) == 4
    findings = document_of(report)["findings"]
    assert isinstance(findings, list)
    assert [finding["status"] for finding in findings] == ["error"]
    assert count(junit, "error") == 1


def test_the_document_of_a_violation_fits_its_schema(tmp_path: Path) -> None:
    report = tmp_path / "r.json"
    assert main(["check", str(CASES), "--json", str(report)]) == 1
    document = document_of(report)
    ids = [finding["id"] for finding in document["findings"]]  # type: ignore[attr-defined]
    assert len(ids) == len(set(ids))


def test_the_document_has_expected_findings_and_stale_opt_outs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chart = shutil.copytree(case("ref-2-latest"), tmp_path / "chart")
    monkeypatch.chdir(tmp_path)
    values = chart / "values.yaml"
    values.write_text(values.read_text().replace(":latest", ":latest # osh-conformance: ignore REF-2,REF-1 vendor"))
    report = tmp_path / "r.json"
    assert main(["check", str(chart), "--select", "REF-1,REF-2", "--shard", "1/1", "--json", str(report)]) == 0
    document = document_of(report)
    assert document["shard"] == "1/1"
    findings = document["findings"]
    assert isinstance(findings, list)
    assert [(each["rule"], each["status"], each["line"], each["reason"]) for each in findings] == [
        ("REF-1", "warning", 3, ""),
        ("REF-2", "expected", 3, "vendor (chart/values.yaml:3)"),
    ]
    assert document["summary"]["expected"] == 1  # type: ignore[index]
