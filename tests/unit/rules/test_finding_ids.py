"""The id of a finding: it survives a bumped tag, and differs for two findings."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from osh_conformance.check.engine import StaticEngine
from osh_conformance.cli import main
from osh_conformance.config import deviations
from osh_conformance.config.engine_options import CheckOptions
from osh_conformance.model.event import ResultFound
from osh_conformance.model.finding import Finding, Location, Severity, Status, Verdict
from osh_conformance.model.rule import Rule
from osh_conformance.report.result import RunReport
from tests.case_charts import case

if TYPE_CHECKING:
    from pathlib import Path

_RULE = Rule(id="TOY-1", title="a title", source="a source", why="a reason", fix="a fix")
_PLACE = Location(chart="a", path="a/values.yaml", line=3, key="images.api")


def _finding(place: Location = _PLACE, found: str = "this", cause: str = "") -> Finding:
    return _RULE.finding(place, found=found, expected="that", cause=cause)


def _findings(chart: Path, rule: str) -> tuple[Finding, ...]:
    engine = StaticEngine(CheckOptions(paths=(chart,), select=(rule,)))
    (target,) = engine.targets
    return engine.result(target, rule).event.check.findings


def _replace(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_a_finding_takes_why_and_fix_from_its_rule() -> None:
    finding = _finding()
    assert (finding.rule, finding.why, finding.fix) == ("TOY-1", "a reason", "a fix")
    assert (finding.chart, finding.path, finding.line, finding.key) == ("a", "a/values.yaml", 3, "images.api")
    assert (finding.status, finding.severity) == (Status.FAIL, Severity.ERROR)
    other = _RULE.finding(_PLACE, found="x", expected="y", why="another reason", fix="another fix", warning=True)
    assert (other.why, other.fix, other.status, other.severity) == (
        "another reason",
        "another fix",
        Status.WARNING,
        Severity.WARNING,
    )


def test_an_id_does_not_depend_on_text_and_line() -> None:
    moved = Location(chart="a", path="a/values.yaml", line=9, key="images.api")
    assert _finding().id == _finding(moved, found="something else").id


@pytest.mark.parametrize(
    "other",
    [
        _finding(cause="another cause"),
        _finding(Location(chart="b", path="a/values.yaml", key="images.api")),
        _finding(Location(chart="a", path="a/other.yaml", key="images.api")),
        _finding(Location(chart="a", path="a/values.yaml", key="images.db_sync")),
        _finding(Location(chart="a", path="a/values.yaml", key="images.api", container="api")),
    ],
    ids=["cause", "chart", "path", "key", "container"],
)
def test_an_id_depends_on_cause_and_place(other: Finding) -> None:
    assert _finding().id != other.id


def test_two_findings_with_one_place_and_cause_have_different_ids() -> None:
    verdict = Verdict.of("TOY-1", [_finding(found="one"), _finding(found="two"), _finding(found="three")])
    assert len({finding.id for finding in verdict.findings}) == 3
    assert verdict.findings[0].id == _finding().id
    assert Verdict.of("TOY-1", verdict.findings) == verdict


@pytest.mark.parametrize(
    ("name", "file", "old", "new"),
    [
        ("ref-3-release-that-moved", "values.yaml", "ubuntu-xenial-ocata", "ubuntu-xenial-pike"),
        ("ref-1-no-host", "values.yaml", "1.2.3", "1.2.4"),
        ("key-1-outside", "templates/test.yaml", "1.36.1", "1.37.0"),
    ],
)
def test_a_finding_keeps_its_id_when_the_tag_is_bumped(
    tmp_path: Path, name: str, file: str, old: str, new: str
) -> None:
    rule = "-".join(name.split("-")[:2]).upper()
    chart = shutil.copytree(case(name), tmp_path / "chart")
    (before,) = _findings(chart, rule)
    _replace(chart / file, old, new)
    (after,) = _findings(chart, rule)
    assert before.found != after.found
    assert before.id == after.id


def test_key_1_reports_each_image_outside_the_section_in_one_template(tmp_path: Path) -> None:
    chart = shutil.copytree(case("key-1-outside"), tmp_path / "chart")
    file = chart / "templates" / "test.yaml"
    pod = file.read_text()
    file.write_text(pod + "\n---\n" + pod.replace("busybox", "alpine").replace("name: probe", "name: second", 1))
    findings = _findings(chart, "KEY-1")
    assert [finding.container for finding in findings] == ["probe", "probe"]
    assert len({finding.id for finding in findings}) == 2


def test_drop_1_gives_one_id_to_an_object_with_a_random_name(tmp_path: Path) -> None:
    chart = shutil.copytree(case("drop-1-takes-init-away"), tmp_path / "chart")
    (before,) = _findings(chart, "DROP-1")
    _replace(chart / "templates" / "job-prepare.yaml", "example-etc-more", "example-etc-5f2c")
    (after,) = _findings(chart, "DROP-1")
    assert before.found != after.found
    assert before.id == after.id


def test_script_1_gives_each_script_that_does_not_parse_an_id_of_its_own(tmp_path: Path) -> None:
    chart = shutil.copytree(case("script-1-shell-does-not-parse"), tmp_path / "chart")
    file = chart / "templates" / "configmap.yaml"
    _replace(file, "data:\n", "data:\n  check.sh: |\n    #!/bin/sh\n    echo 'open\n")
    second, first = sorted(_findings(chart, "SCRIPT-1"), key=lambda finding: "check.sh" in finding.found)
    assert first.path == second.path
    _replace(file, "echo 'open", "echo open")
    assert [finding.id for finding in _findings(chart, "SCRIPT-1")] == [second.id]


def test_a_report_keeps_the_findings_of_each_cell_and_a_baseline_has_one_entry(tmp_path: Path) -> None:
    run = RunReport(charts=1)
    for cell, found in (("kolla", "runs a"), ("loci", "runs b"), ("yaodu", "runs a")):
        verdict = Verdict.of("REF-1", [replace(_finding(found=found), rule="REF-1")])
        run.handle(ResultFound.of("a", verdict, cell=cell))
    assert [finding.found for finding in run.findings] == ["runs a", "runs b"]
    assert len({finding.id for finding in run.findings}) == 1
    file = tmp_path / "deviations.yaml"
    file.write_text(deviations.written(deviations.baseline(run.findings)))
    (entry,) = deviations.read(file)
    assert all(entry.matches(finding) for finding in run.findings)


def test_a_baseline_still_expects_a_finding_when_the_tag_is_bumped(tmp_path: Path) -> None:
    chart = shutil.copytree(case("ref-3-release-that-moved"), tmp_path / "chart")
    baseline = str(tmp_path / "deviations.yaml")
    assert main(["check", str(chart), "--select", "REF-3", "--write-baseline", baseline]) == 0
    _replace(chart / "values.yaml", "ubuntu-xenial-ocata", "ubuntu-xenial-pike")
    assert main(["check", str(chart), "--select", "REF-3", "--deviations", baseline]) == 0
