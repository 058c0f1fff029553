"""How `check` ends when a chart, a path or the command line is wrong."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from osh_conformance.cli import main
from osh_conformance.rules import registry
from tests.case_charts import case
from tests.unit.cli.reports import CLEAN, SIX, count, document_of

if TYPE_CHECKING:
    from pathlib import Path

    from osh_conformance.model.finding import Verdict


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"values.yaml": "images: [\n"}, ("values.yaml:2", "parse")),
        ({"values.yaml": "images: [a]\n"}, ("`images`", "list")),
        ({"values.yaml": "images: docker.io/a/b:1\n"}, ("`images`", "single value")),
        ({"templates/x.yaml": "{{ fail `on purpose` }}"}, ("on purpose",)),
        ({"templates/x.yaml": "a: [1\n"}, ("templates/x.yaml:2", "parse")),
        ({"Chart.yaml": "version: 1.0.0\n"}, ("name",)),
        ({"values.yaml": "a: \xff\n"}, ("UTF-8",)),
    ],
)
def test_a_broken_chart_is_one_error_and_the_others_are_checked(
    tmp_path: Path, content: dict[str, str], words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    chart = shutil.copytree(CLEAN, tmp_path / "broken")
    for name, text in content.items():
        (chart / name).write_text(text, encoding="latin-1")
    report, junit = tmp_path / "r.json", tmp_path / "r.xml"
    assert main(["check", str(chart), CLEAN, SIX, "--json", str(report), "--junit", str(junit)]) == 3
    out = capsys.readouterr().out
    assert all(word in out for word in words)
    assert out.count("ERROR") == 1
    summary = document_of(report)["summary"]
    assert isinstance(summary, dict)
    assert (summary["pass"], summary["error"]) == (6, 6)
    assert count(junit, "error") == 6
    assert count(junit, "failure") == 0


@pytest.mark.parametrize("name", ["empty", "file.txt"])
def test_a_path_without_a_chart_is_an_error(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file.txt").touch()
    assert main(["check", str(tmp_path / name)]) == 3
    assert str(tmp_path / name) in capsys.readouterr().out


def test_a_path_that_does_not_exist_is_an_error_beside_one_that_does(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "nowhere", CLEAN, SIX]) == 3
    out = capsys.readouterr().out
    assert "ERROR  nowhere\n" in out
    assert "6 passed, 6 not checked" in out


def test_a_violation_wins_over_an_error(tmp_path: Path) -> None:
    assert main(["check", str(tmp_path / "nowhere"), str(case("ref-2-latest"))]) == 1


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["chekc"], ("`chekc`", "`check`")),
        (["check", CLEAN, "--select", "RFE-1"], ("`RFE-1`", "`REF-1`")),
        (["check"], ("PATH",)),
        (["check", "nowhere"], ("nowhere",)),
        (["check", CLEAN, "--flavor", "distributon"], ("`distributon`", "`distribution`")),
        (["check", CLEAN, "--flavor-file", "nowhere.yaml"], ("nowhere.yaml",)),
        (["check", CLEAN, "--overrides", "nowhere"], ("--overrides", "nowhere")),
        (["check", CLEAN, "--convention", "ohs"], ("`ohs`", "`osh`")),
        (["check", CLEAN, "--values", "/nowhere.yaml"], ("/nowhere.yaml",)),
        (["check", CLEAN, "--json", "/proc/no/such.json"], ("/proc/no/such.json",)),
        (["check", CLEAN, "--renderer", "tiller"], ("--renderer", "'tiller'")),
        (["explain", "PP-9"], ("`PP-9`", "`PP-")),
    ],
)
def test_a_usage_error_is_one_message(
    argv: list[str], words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(argv) == 4
    captured = capsys.readouterr()
    assert all(word in captured.err for word in words)
    assert "Traceback" not in captured.err + captured.out


def test_a_rule_that_breaks_is_an_error_of_the_suite(capsys: pytest.CaptureFixture[str]) -> None:
    def breaks(_chart: object) -> Verdict:
        raise ZeroDivisionError("on purpose")

    with registry.replaced("REF-1", breaks):
        assert main(["check", CLEAN, SIX]) == 3
    out = capsys.readouterr().out
    assert "REF-1" in out
    assert "ZeroDivisionError('on purpose')" in out
