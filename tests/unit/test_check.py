"""`osh-conformance check`: what it prints, what it writes, how it ends."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import jsonschema
import pytest

from osh_conformance.check.charts import ChartResult
from osh_conformance.cli import main
from osh_conformance.loading.search import data_folder
from osh_conformance.rules import catalogue

if TYPE_CHECKING:
    from osh_conformance.model.finding import Verdict

_MUTANTS = Path(__file__).parents[1] / "mutants" / "static"
_CLEAN = str(_MUTANTS / "clean-flat")
#: Rules that both clean charts pass, so that these tests do not know every rule.
_SIX = "--select=REF-1,REF-2,REF-4,KEY-1,PP-1,PP-2"


def _document(file: Path) -> dict[str, object]:
    document = json.loads(file.read_text())
    jsonschema.validate(document, json.loads(data_folder("report.schema.json").read_text()))
    return dict(document)


def _count(junit: Path, tag: str) -> int:
    return len(ET.parse(junit).findall(f".//{tag}"))  # noqa: S314  (we wrote it)


def test_a_clean_chart_conforms(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", _CLEAN, _SIX]) == 0
    assert capsys.readouterr().out.startswith("1 chart, 6 checks: 6 passed in ")


def test_a_finding_says_where_what_why_and_how_to_mend_it(capsys: pytest.CaptureFixture[str]) -> None:
    chart = str(_MUTANTS / "ref-2-latest")
    assert main(["check", chart, "--select", "REF-2"]) == 1
    assert capsys.readouterr().out.splitlines()[:7] == [
        "FAIL REF-2  ref-2-latest  values.yaml:3  images.api",
        "  found      docker.io/example/api:latest  (whatever was pushed last)",
        "  reaches    Deployment/api api",
        "  expected   a reference pinned to a version or a digest",
        "  why        a moving tag gives tomorrow's install another program than today's",
        "  fix        images.api: docker.io/example/api:<version>",
        f"  reproduce  osh-conformance check {chart} --select REF-2",
    ]


def test_a_finding_in_a_template_names_template_workload_and_container(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(_MUTANTS / "pp-1-hook"), "--select", "PP-1"]) == 1
    out = capsys.readouterr().out
    assert out.startswith("FAIL PP-1  pp-1-hook  templates/job.yaml  Job/prepare prepare\n")
    assert "Always, whatever images.pull_policy says" in out


def test_charts_of_a_tree_are_named_by_their_place_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(_MUTANTS), "--select", "ref-1,REF-4"]) == 1
    out = capsys.readouterr().out
    assert "FAIL REF-1  ref-1-no-host  ref-1-no-host/values.yaml:3  images.api" in out
    assert "FAIL REF-2" not in out


def test_a_warning_fails_only_when_strict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    chart = shutil.copytree(_CLEAN, tmp_path / "chart")
    values = chart / "values.yaml"
    values.write_text(values.read_text().replace("quay.io/example/api", "docker.io/rabbitmq"))
    assert main(["check", str(chart), _SIX]) == 0
    assert "WARN REF-1" in capsys.readouterr().out
    assert main(["check", str(chart), _SIX, "--strict"]) == 1
    out = capsys.readouterr().out
    assert "FAIL REF-1" in out
    assert "--strict --select REF-1" in out


def test_values_override_what_is_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    values = tmp_path / "values.yaml"
    values.write_text("images:\n  api: example/api:1\n")
    assert main(["check", _CLEAN, "--values", str(values)]) == 1
    out = capsys.readouterr().out
    assert "values.yaml  images.api" in out, "no line of the chart's own file holds the overridden reference"
    assert f"--values {values}" in out


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"values.yaml": "images:\n  a: x\n  a: y\n"}, "values.yaml:3: the key images.a is there twice"),
        ({"values.yaml": "images: [\n"}, "values.yaml:2: does not parse"),
        ({"values.yaml": "images: [a]\n"}, "`images` is a list"),
        ({"values.yaml": "images: docker.io/a/b:1\n"}, "`images` is a single value"),
        ({"templates/x.yaml": "{{ fail `on purpose` }}"}, "on purpose"),
        ({"templates/x.yaml": "a: [1\n"}, "templates/x.yaml:2: does not parse"),
        ({"Chart.yaml": "version: 1.0.0\n"}, "no name"),
        ({"values.yaml": "a: \xff\n"}, "not UTF-8"),
    ],
)
def test_a_chart_that_cannot_be_judged_is_an_error_and_the_others_go_on(
    tmp_path: Path, content: dict[str, str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    chart = shutil.copytree(_CLEAN, tmp_path / "broken")
    for name, text in content.items():
        (chart / name).write_text(text, encoding="latin-1")
    report, junit = tmp_path / "r.json", tmp_path / "r.xml"
    assert main(["check", str(chart), _CLEAN, _SIX, "--json", str(report), "--junit", str(junit)]) == 3
    out = capsys.readouterr().out
    assert said in out
    assert out.count("ERROR") == 1, "one cause is told once"
    assert "6 passed, 6 not checked because of an error" in out
    summary = _document(report)["summary"]
    assert isinstance(summary, dict)
    assert (summary["pass"], summary["error"]) == (6, 6)
    assert _count(junit, "error") == 6
    assert _count(junit, "failure") == 0


@pytest.mark.parametrize("name", ["empty", "file.txt"])
def test_what_is_no_chart_is_an_error(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file.txt").touch()
    assert main(["check", str(tmp_path / name)]) == 3
    assert str(tmp_path / name) in capsys.readouterr().out


def test_a_path_that_does_not_exist_is_an_error_beside_one_that_does(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "nowhere", _CLEAN, _SIX]) == 3
    out = capsys.readouterr().out
    assert "ERROR  nowhere\n  found      nowhere does not exist" in out
    assert "6 passed, 6 not checked because of an error" in out


def test_a_violation_wins_over_an_error(tmp_path: Path) -> None:
    assert main(["check", str(tmp_path / "nowhere"), str(_MUTANTS / "ref-2-latest")]) == 1


def test_a_library_chart_alone_is_nothing_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "Chart.yaml").write_text("apiVersion: v2\nname: lib\nversion: 1.0.0\ntype: library\n")
    assert main(["check", str(tmp_path)]) == 5
    rules = " ".join(sorted(catalogue.static_rules()))
    assert f"not-applicable  {rules}  lib: a library chart" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["chekc"], "no verb `chekc`: did you mean `check`?"),
        (["check", _CLEAN, "--select", "RFE-1"], "no rule `RFE-1`: did you mean `REF-1`?"),
        (["check"], "required: PATH"),
        (["check", "nowhere"], "nowhere does not exist"),
        (["check", _CLEAN, "--flavor", "distributon"], "no flavor `distributon`: did you mean `distribution`?"),
        (["check", _CLEAN, "--flavor-file", "nowhere.yaml"], "nowhere.yaml does not exist"),
        (["check", _CLEAN, "--overrides", "nowhere"], "--overrides nowhere does not exist"),
        (["check", _CLEAN, "--convention", "ohs"], "no convention `ohs`: did you mean `osh`?"),
        (["check", _CLEAN, "--values", "/nowhere.yaml"], "/nowhere.yaml"),
        (["check", _CLEAN, "--json", "/proc/no/such.json"], "cannot write /proc/no/such.json"),
        (["check", _CLEAN, "--renderer", "tiller"], "invalid choice: 'tiller'"),
        (["explain", "PP-9"], "no rule `PP-9`: did you mean `PP-"),
    ],
)
def test_a_usage_error_is_one_message(argv: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(argv) == 4
    captured = capsys.readouterr()
    assert said in captured.err
    assert "Traceback" not in captured.err + captured.out


def test_reports_are_written_although_nothing_could_start(tmp_path: Path) -> None:
    report, junit = tmp_path / "deep" / "r.json", tmp_path / "r.xml"
    argv = ["check", _CLEAN, "--select", "NO-1", "--json", str(report), "--junit", str(junit)]
    assert main(argv) == 4
    findings = _document(report)["findings"]
    assert isinstance(findings, list)
    assert [finding["status"] for finding in findings] == ["error"]
    assert _count(junit, "error") == 1


def test_the_document_of_a_violation_fits_its_schema(tmp_path: Path) -> None:
    report = tmp_path / "r.json"
    assert main(["check", str(_MUTANTS), "--json", str(report)]) == 1
    document = _document(report)
    ids = [finding["id"] for finding in document["findings"]]  # type: ignore[attr-defined]
    assert len(ids) == len(set(ids))


def test_the_document_tells_what_is_expected_and_what_is_stale(tmp_path: Path) -> None:
    chart = shutil.copytree(_MUTANTS / "ref-2-latest", tmp_path / "chart")
    values = chart / "values.yaml"
    values.write_text(values.read_text().replace(":latest", ":latest # osh-conformance: ignore REF-2,REF-1 vendor"))
    report = tmp_path / "r.json"
    assert main(["check", str(chart), "--select", "REF-1,REF-2", "--shard", "1/1", "--json", str(report)]) == 0
    document = _document(report)
    assert document["shard"] == "1/1"
    findings = document["findings"]
    assert isinstance(findings, list)
    assert [(each["rule"], each["status"], each["line"], each["reason"]) for each in findings] == [
        ("REF-2", "expected", 3, "vendor (values.yaml:3)"),
        ("REF-1", "warning", 3, ""),
    ]
    assert document["summary"]["expected"] == 1  # type: ignore[index]


def test_a_users_pytest_configuration_is_out_of_reach(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    chart = shutil.copytree(_CLEAN, tmp_path / "chart")
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n")
    (tmp_path / "conftest.py").write_text("raise RuntimeError('the conftest of the user ran')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTEST_ADDOPTS", "--no-such-option")
    monkeypatch.setenv("PYTEST_PLUGINS", "no_such_plugin")
    before = sorted(tmp_path.rglob("*"))
    assert main(["check", str(chart), _SIX]) == 0, capsys.readouterr()
    assert sorted(tmp_path.rglob("*")) == before, "nothing is written to the user's tree"


def test_a_rule_that_breaks_is_an_error_of_the_suite(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    known = ChartResult.verdict

    def breaks(result: ChartResult, rule: str) -> Verdict:
        if rule == "REF-1":
            raise ZeroDivisionError("on purpose")
        return known(result, rule)

    monkeypatch.setattr(ChartResult, "verdict", breaks)
    assert main(["check", _CLEAN, _SIX]) == 3
    assert "REF-1 broke on this chart: ZeroDivisionError('on purpose')" in capsys.readouterr().out


def test_explain_tells_a_rule_and_lists_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "ref-1"]) == 0
    assert "REF-1  every reference names its registry host" in capsys.readouterr().out
    assert main(["explain"]) == 0
    assert "PP-2 " in capsys.readouterr().out
