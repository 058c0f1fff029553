"""`osh-conformance check`: what it prints, and how it ends."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

import pytest

from osh_conformance.cli import main
from osh_conformance.rules import registry
from tests.case_charts import case
from tests.paths import CASES
from tests.unit.cli.reports import CLEAN, SIX

if TYPE_CHECKING:
    from pathlib import Path


def test_a_clean_chart_conforms(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", CLEAN, SIX]) == 0
    assert capsys.readouterr().out.startswith("1 chart, 6 checks: 6 passed, 15 containers seen in ")


@pytest.fixture
def in_cases(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the folder of all cases the working directory, to which paths are relative."""
    monkeypatch.chdir(CASES)


@pytest.mark.usefixtures("in_cases")
def test_a_finding_prints_place_value_reason_fix_and_command(capsys: pytest.CaptureFixture[str]) -> None:
    chart = "ref-2/latest"
    assert main(["check", chart, "--select", "REF-2"]) == 1
    first, *lines = capsys.readouterr().out.splitlines()
    parts = dict(line.split(maxsplit=1) for line in lines[:6])
    assert first == "FAIL REF-2  ref-2-latest  ref-2/latest/values.yaml:3  images.api"
    assert list(parts) == ["found", "reaches", "expected", "why", "fix", "reproduce"]
    assert parts["found"].startswith("docker.io/example/api:latest")
    assert parts["reaches"] == "Deployment/api api"
    assert parts["fix"] == "images.api: docker.io/example/api:<version>"
    assert parts["reproduce"] == f"osh-conformance check {chart} --select REF-2"


@pytest.mark.usefixtures("in_cases")
def test_a_finding_in_a_template_names_template_workload_and_container(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(case("pp-1-hook")), "--select", "PP-1"]) == 1
    out = capsys.readouterr().out
    assert out.startswith("FAIL PP-1  pp-1-hook  pp-1/hook/templates/job.yaml:14  Job/prepare prepare\n")
    assert "Always" in out
    assert "images.pull_policy" in out


@pytest.mark.usefixtures("in_cases")
def test_a_tree_fits_two_screens_and_begins_with_what_loses_data(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["check", "."]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 100
    failing = [line.split()[1].partition("-")[0] for line in lines if line.startswith("FAIL ")]
    assert failing[0] == "DROP"
    assert "DROP" not in failing[min(failing.index("REF"), failing.index("KEY")) :]
    assert any("--output-format full" in line for line in lines)


@pytest.mark.usefixtures("in_cases")
def test_charts_of_a_tree_are_named_by_their_place_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(CASES), "--select", "ref-1,REF-4"]) == 1
    out = capsys.readouterr().out
    assert "\n  ref-1/no-host/values.yaml:3  images.api: " in out
    assert "FAIL REF-2" not in out


def test_a_chart_in_two_path_arguments_is_checked_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", CLEAN, f"{CLEAN}/../{CLEAN.rpartition('/')[2]}", SIX]) == 0
    assert capsys.readouterr().out.startswith("1 chart, 6 checks")


def test_a_command_that_reproduces_a_finding_names_the_helm_program(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    helm = tmp_path / "helm"
    helm.write_text("#!/bin/sh\n")
    helm.chmod(0o755)
    chart = str(case("ref-2-latest"))
    assert main(["check", chart, "--select", "REF-2", "--renderer", "helm", "--helm-program", str(helm)]) == 1
    assert f"reproduce  osh-conformance check {chart} --renderer helm --helm-program {helm} --select REF-2" in (
        capsys.readouterr().out
    )


def test_the_summary_has_the_time_of_the_whole_program(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("osh_conformance.host.process_seconds", lambda: 1000.0)
    monkeypatch.setattr(sys, "argv", ["osh-conformance", "check", CLEAN, "--select=REF-1"])
    assert main() == 0
    assert " in 10" in capsys.readouterr().out
    assert main(sys.argv[1:]) == 0
    assert " in 10" not in capsys.readouterr().out


def test_a_warning_fails_only_when_strict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    chart = shutil.copytree(CLEAN, tmp_path / "chart")
    values = chart / "values.yaml"
    values.write_text(values.read_text().replace("quay.io/example/api", "docker.io/rabbitmq"))
    assert main(["check", str(chart), SIX]) == 0
    assert "WARN REF-1" in capsys.readouterr().out
    assert main(["check", str(chart), SIX, "--strict"]) == 1
    out = capsys.readouterr().out
    assert "FAIL REF-1" in out
    assert "--strict --select REF-1" in out


def test_values_override_those_of_the_chart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    values = tmp_path / "values.yaml"
    values.write_text("images:\n  api: example/api:1\n")
    assert main(["check", CLEAN, "--values", str(values)]) == 1
    out = capsys.readouterr().out
    assert f"{values}:2  images.api" in out, "the reference is in the file that overrides it"
    assert f"--values {values}" in out


def test_a_library_chart_alone_exits_with_5(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "Chart.yaml").write_text("apiVersion: v2\nname: lib\nversion: 1.0.0\ntype: library\n")
    assert main(["check", str(tmp_path)]) == 5
    rules = " ".join(sorted(registry.static_rules()))
    assert f"not-applicable  {rules}  lib: " in capsys.readouterr().out


def test_the_pytest_configuration_of_the_user_does_not_apply(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    chart = shutil.copytree(CLEAN, tmp_path / "chart")
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n")
    (tmp_path / "conftest.py").write_text("raise RuntimeError('the conftest of the user ran')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTEST_ADDOPTS", "--no-such-option")
    monkeypatch.setenv("PYTEST_PLUGINS", "no_such_plugin")
    before = sorted(tmp_path.rglob("*"))
    assert main(["check", str(chart), SIX]) == 0, capsys.readouterr()
    assert sorted(tmp_path.rglob("*")) == before
