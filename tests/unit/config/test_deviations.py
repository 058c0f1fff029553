"""Findings that a file expects: how it is read, what it covers, how it is written."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import pytest

from osh_conformance.charts.target import ChartTarget
from osh_conformance.check.engine import StaticEngine
from osh_conformance.cli import main
from osh_conformance.config import deviations
from osh_conformance.config.deviations import Deviation
from osh_conformance.config.engine_options import CheckOptions
from osh_conformance.config.expectations import Expectations
from osh_conformance.errors import UsageError
from osh_conformance.model.finding import Finding, Status, Verdict
from tests.case_charts import case

if TYPE_CHECKING:
    from pathlib import Path

_TODAY = date(2026, 6, 1)
_FINDING = Finding(
    rule="REF-2",
    chart="keystone",
    path="keystone/values.yaml",
    folder="keystone/",
    line=7,
    key="images.tags.db_sync",
    found="x",
    expected="e",
    why="w",
    fix="f",
)


def _target(folder: Path, name: str = "keystone", label: str = "") -> ChartTarget:
    (folder / "Chart.yaml").write_text(f"apiVersion: v2\nname: {name}\nversion: 1.0.0\n")
    return ChartTarget(name=name, label=label or name, path=folder, folder="keystone/")


def _applied(tmp_path: Path, *entries: Deviation) -> Verdict:
    verdict = Verdict.of("REF-2", [_FINDING])
    return Expectations(entries, _TODAY).applied(verdict, _target(tmp_path))


@pytest.mark.parametrize(
    ("more", "matches"),
    [
        ({}, True),
        ({"chart": "key*"}, True),
        ({"chart": "glance"}, False),
        ({"path": "values.yaml"}, True),
        ({"path": "keystone/values.yaml"}, False),
        ({"key": "images.tags.*"}, True),
        ({"key": "images.tags.api"}, False),
        ({"rule": "REF-1"}, False),
        ({"container": "api"}, False),
        ({"id": _FINDING.id, "path": "any"}, True),
        ({"id": "0" * 16}, False),
    ],
)
def test_an_entry_matches_only_if_all_its_patterns_match(*, more: dict[str, str], matches: bool) -> None:
    entry = replace(Deviation(rule="REF-2", reason="r"), **more)  # type: ignore[arg-type]
    assert entry.matches(_FINDING) is matches


def test_a_finding_has_the_same_id_alone_and_in_a_tree() -> None:
    assert replace(_FINDING, path="values.yaml", folder="").id == _FINDING.id


def test_findings_of_two_charts_with_one_name_have_different_ids(tmp_path: Path) -> None:
    charts = [shutil.copytree(case("ref-2-latest"), tmp_path / name / "api") for name in ("old", "new")]
    engine = StaticEngine(CheckOptions(paths=tuple(charts), select=("REF-2",)))
    events = [engine.result(target, "REF-2").event for target in engine.targets]
    assert len({event.check.findings[0].id for event in events}) == 2


def test_a_verdict_is_expected_when_all_its_findings_are(tmp_path: Path) -> None:
    verdict = _applied(tmp_path, Deviation(rule="REF-2", reason="vendor", file="d.yaml"))
    assert (verdict.status, verdict.reason) == (Status.EXPECTED, "vendor (d.yaml)")
    assert verdict.findings[0].status is Status.EXPECTED


def test_an_unexpected_finding_still_fails(tmp_path: Path) -> None:
    verdict = Verdict.of("REF-2", [_FINDING, replace(_FINDING, key="images.tags.api")])
    entry = Deviation(rule="REF-2", key="images.tags.api", reason="r")
    found = Expectations([entry], _TODAY).applied(verdict, _target(tmp_path))
    assert [finding.status for finding in found.findings] == [Status.FAIL, Status.EXPECTED]
    assert found.status is Status.FAIL


@pytest.mark.parametrize(("day", "status"), [("2026-06-01", Status.EXPECTED), ("2026-05-31", Status.FAIL)])
def test_an_entry_expires_after_its_last_day(tmp_path: Path, day: str, status: Status) -> None:
    entry = Deviation(rule="REF-2", reason="vendor", expires=date.fromisoformat(day), file="d.yaml", line=3)
    verdict = _applied(tmp_path, entry)
    assert verdict.status is status
    if status is Status.FAIL:
        assert verdict.findings[0].reason == "d.yaml:3 expected this until 2026-05-31: vendor"


@pytest.mark.parametrize(
    ("status", "entry", "stale"),
    [
        (Status.PASS, {"chart": "keystone"}, True),
        (Status.ERROR, {"chart": "keystone"}, False),
        (Status.UNDECIDED, {"chart": "keystone"}, False),
        (Status.PASS, {"chart": "glance"}, False),
        (Status.PASS, {"chart": "keystone", "rule": "REF-1"}, False),
        (Status.PASS, {"chart": "*"}, False),
    ],
)
def test_an_entry_is_stale_only_where_its_rule_ran(
    tmp_path: Path, *, status: Status, entry: dict[str, str], stale: bool
) -> None:
    deviation = Deviation(**{"rule": "REF-2", "reason": "r", **entry})  # type: ignore[arg-type]
    verdicts = {"keystone": [Verdict(rule="REF-2", status=status)]}
    notes = Expectations([deviation], _TODAY).stale(verdicts, [_target(tmp_path)])
    assert bool(notes) is stale


def test_a_pattern_without_a_match_in_the_tree_is_stale(tmp_path: Path) -> None:
    targets = [_target(tmp_path, name) for name in ("ceph-mon", "ceph-osd")]
    verdicts = {target.label: [Verdict(rule="REF-2", status=Status.PASS)] for target in targets}
    entry = Deviation(rule="REF-2", chart="ceph-*", reason="r")
    assert len(Expectations([entry], _TODAY).stale(verdicts, targets)) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: 1\n", ("no field `a`",)),
        ("deviations: []\n", ("no file of deviations",)),
        ("[]\n", ("not a mapping",)),
        ("deviations: [\n", ("does not parse",)),
        (
            "osh_conformance_deviations: 1\ndeviations:\n- rule: REF-1\n",
            (":3: deviations[0]: the field `reason` is missing",),
        ),
        (
            "osh_conformance_deviations: 1\ndeviations:\n- reason: r\n",
            (":3: deviations[0]: the field `rule` is missing",),
        ),
        (
            "osh_conformance_deviations: 1\ndeviations:\n- rule: REF-1\n  reason: '  '\n",
            (":4: deviations[0]: `reason` is blank", "why the finding is expected"),
        ),
        ("osh_conformance_deviations: 1\ndeviations:\n- {rule: RFE-1, reason: r}\n", ("did you mean `REF-1`?",)),
        ("osh_conformance_deviations: 1\ndeviations:\n- {rule: REF-1, reson: r}\n", ("did you mean `reason`?",)),
        (
            "osh_conformance_deviations: 1\ndeviations:\n- {rule: REF-1, reason: r, expires: soon}\n",
            (":3: `deviations[0].expires`: no date",),
        ),
        (
            "osh_conformance_deviations: 1\ndeviations:\n- REF-1\n",
            (":3: `deviations[0]`: expected `object`, got `str`",),
        ),
    ],
)
def test_a_wrong_file_is_a_usage_error_with_its_line(tmp_path: Path, text: str, words: tuple[str, ...]) -> None:
    file = tmp_path / "d.yaml"
    file.write_text(text)
    with pytest.raises(UsageError) as caught:
        deviations.read(file)
    assert all(word in str(caught.value) for word in words)
    assert str(file) in str(caught.value)


def test_a_missing_file_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"d\.yaml does not exist"):
        deviations.read(tmp_path / "d.yaml")


def test_a_new_baseline_keeps_the_entries_of_people(tmp_path: Path) -> None:
    known = Deviation(rule="REF-1", chart="a*", reason="ours: a fork", expires=date(2027, 1, 2))
    file = tmp_path / "d.yaml"
    file.write_text(deviations.written(deviations.baseline([_FINDING], [known])))
    first, second = deviations.read(file)
    assert (first.chart, first.reason, first.expires) == ("a*", "ours: a fork", known.expires)
    assert second.matches(_FINDING)
    file.write_text(deviations.written(deviations.baseline([_FINDING], [first, second])))
    assert len(deviations.read(file)) == 2


def test_a_baseline_lets_only_new_findings_fail(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Findings of today are accepted, a new one fails, and the entry of a fixed one is stale."""
    chart = tmp_path / "chart"
    (chart / "templates").mkdir(parents=True)
    for file in ("Chart.yaml", "templates/deployment.yaml", "values.yaml"):
        (chart / file).write_text((case("ref-2-latest") / file).read_text())
    values, old = chart / "values.yaml", (chart / "values.yaml").read_text()
    baseline = tmp_path / "d.yaml"
    check = ["check", str(chart), "--select", "REF-1,REF-2"]
    gate = [*check, "--deviations", str(baseline)]

    assert main([*check, "--write-baseline", str(baseline)]) == 0
    assert "XFAIL REF-2" in capsys.readouterr().out
    assert main(gate) == 0

    values.write_text(old.replace("docker.io/example/api:latest", "example/api:1.2.3"))
    assert main(gate) == 1
    out = capsys.readouterr().out
    assert "FAIL REF-1" in out
    assert "WARN REF-2" in out

    values.write_text(old.replace(":latest", ":1.2.3"))
    assert main(gate) == 0
    assert main([*gate, "--strict"]) == 1
    assert main([*check, "--write-baseline", str(baseline)]) == 0
    assert deviations.read(baseline) == ()
