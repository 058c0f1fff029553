"""The outputs, judged by the validators of those who read them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from zuul.ansible import schema
from zuul.lib import filecomments

from osh_conformance.cli import main
from osh_conformance.errors import SuiteError
from osh_conformance.model.finding import Status
from osh_conformance.model.result import error_finding
from osh_conformance.report.sarif import SarifReporter
from osh_conformance.report.zuul import ZuulReporter
from tests.paths import CASES
from tests.unit.report.hostile import TEXTS, finding, report_of

if TYPE_CHECKING:
    from osh_conformance.report.result import RunReport

_FILE = Path("unused")
#: Of Microsoft, from npm: with the rules for GitHub's code scanning. It passes its words to a shell.
_MULTITOOL = ("npx", "--yes", "@microsoft/sarif-multitool@5.7.0", "validate", "--rule-kind", "'Sarif;Ghas'")


def _hostile() -> RunReport:
    findings = [*map(finding, TEXTS), *(finding(text, Status.WARNING, rule="REF-3") for text in TEXTS)]
    return report_of(findings, [error_finding(SuiteError("does not render"), "shop")], "https://example.org/rules")


@pytest.fixture(params=["hostile", "cases"])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A SARIF file: of hostile findings, and of all charts of the cases."""
    file = tmp_path / "log.sarif"
    if request.param == "hostile":
        file.write_text(SarifReporter(_FILE).text(_hostile()))
    else:
        main(["check", str(CASES), "--rule-pages", "https://example.org/rules", "--sarif", str(file)])
    return file


def _validated(log: Path) -> list[str]:
    """Return the names of the rules of the validator that find an error or a warning."""
    output = log.with_suffix(".validated")
    argv = [*_MULTITOOL, str(log), "--output", str(output), "--quiet"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert output.is_file(), done.stdout + done.stderr
    (run,) = json.loads(output.read_text(encoding="utf-8-sig"))["runs"]
    notes = [note for each in run["invocations"] for note in each.get("toolConfigurationNotifications", ())]
    assert not notes, "the validator did its work"
    return [result["ruleId"] for result in run["results"]]


def test_the_validator_of_sarif_finds_nothing(log: Path) -> None:
    assert json.loads(log.read_text())["runs"][0]["results"]
    assert _validated(log) == []


def test_the_validator_of_sarif_finds_what_is_wrong(tmp_path: Path) -> None:
    file = tmp_path / "log.sarif"
    log = json.loads(SarifReporter(_FILE).text(_hostile()))
    first, second, *_ = log["runs"][0]["results"]
    first["ruleIndex"], second["found"] = 999, "no field of SARIF"
    file.write_text(json.dumps(log))
    assert sorted(_validated(file)) == ["JSON1005", "SARIF1009"]


def test_zuul_takes_the_comments_of_hostile_findings() -> None:
    data = json.loads(ZuulReporter(_FILE).text(_hostile()))
    filecomments.validate(data["zuul"]["file_comments"])
    schema.warning_schema(data)
    lines = filecomments.extractLines(data["zuul"]["file_comments"])
    assert len(lines) == len(TEXTS), "two comments on one line are one place"
    data["zuul"]["file_comments"][lines[0][0]][0]["line"] = "3"
    with pytest.raises(Exception, match="expected int"):
        filecomments.validate(data["zuul"]["file_comments"])
