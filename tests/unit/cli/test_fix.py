"""`check --fix` and `check --diff`: what they print, and how they end."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from osh_conformance.cli import main
from osh_conformance.fix import folder
from osh_conformance.repairs import registry
from tests.unit.repairs.charts import VALUES, container, deployment, write

if TYPE_CHECKING:
    from pathlib import Path

    from osh_conformance.model.repair import Repair
    from osh_conformance.repairs.problem import Problem

_SHORT = VALUES.replace("docker.io/", "")
_FIXED = "fixed  chart/values.yaml: REF-1 images.api\n"


def _said(text: str) -> str:
    """Return what was printed without the lines about the progress of a slow machine."""
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("  .."))


@pytest.fixture
def chart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return write(tmp_path, {"values.yaml": _SHORT})


def test_fix_repairs_and_then_reports_what_is_left(chart: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "chart", "--fix"]) == 0
    out, err = capsys.readouterr()
    assert "1 chart, " in out
    assert "REF-1" not in out
    assert _said(err) == f"{_FIXED}fixed 1 finding in 1 file\n"
    assert (chart / "values.yaml").read_text() == VALUES


def test_a_second_fix_has_nothing_to_do(chart: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["check", "chart", "--fix"])
    before = (chart / "values.yaml").stat()
    capsys.readouterr()
    assert main(["check", "chart", "--fix"]) == 0
    assert _said(capsys.readouterr().err) == "fixed nothing\n"
    assert (chart / "values.yaml").stat() == before


def test_the_exit_code_is_that_of_what_is_left(chart: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (chart / "templates" / "api.yaml").write_text(deployment(container(policy='{{ "Always" }}')))
    assert main(["check", "chart", "--fix"]) == 1
    out, err = capsys.readouterr()
    assert "FAIL PP-1" in out
    assert "REF-1" not in out
    assert _said(err) == (
        f"{_FIXED}not fixed  PP-1  chart/templates/api.yaml:11 Deployment/api api: the line has no literal policy\n"
        "fixed 1 finding in 1 file; 1 finding without a certain repair\n"
    )


def test_files_are_written_about_what_is_left(chart: Path, tmp_path: Path) -> None:
    baseline = tmp_path / "base.yaml"
    words = ["--fix", "--json", "report.json", "--junit", "report.xml", "--write-baseline", str(baseline)]
    assert main(["check", "chart", *words]) == 0
    assert json.loads((tmp_path / "report.json").read_text())["findings"] == []
    assert "REF-1" not in baseline.read_text()
    assert (chart / "values.yaml").read_text() == VALUES


def test_diff_changes_nothing_and_git_applies_it(
    chart: Path, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    before = (chart / "values.yaml").stat()
    assert main(["check", "chart", "--diff"]) == 1
    out, err = capfdbinary.readouterr()
    assert (chart / "values.yaml").stat() == before
    assert _said(err.decode()) == f"would fix  {_FIXED.removeprefix('fixed  ')}would fix 1 finding in 1 file\n"
    subprocess.run(["git", "apply", "-"], input=out, check=True, cwd=tmp_path)  # noqa: S607
    assert (chart / "values.yaml").read_text() == VALUES


def test_fix_with_diff_is_diff(chart: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["check", "chart", "--fix", "--diff"]) == 1
    assert capfdbinary.readouterr().out.startswith(b"--- a/chart/values.yaml\n+++ b/chart/values.yaml\n")
    assert (chart / "values.yaml").read_text() == _SHORT


def test_diff_without_a_repair_prints_nothing_and_ends_with_0(
    chart: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    (chart / "values.yaml").write_text(VALUES)
    assert main(["check", "chart", "--diff"]) == 0
    out, err = capfdbinary.readouterr()
    assert out == b""
    assert _said(err.decode()) == "would fix nothing\n"


@pytest.mark.parametrize("option", ["--json", "--junit", "--write-baseline"])
def test_diff_writes_no_report(chart: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str) -> None:
    assert main(["check", str(chart), "--diff", option, str(tmp_path / "report")]) == 4
    assert f"--diff and {option}" in capsys.readouterr().err


def test_a_file_that_cannot_be_written_is_an_error_and_fails_the_run(
    chart: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (chart / "values.yaml").chmod(0o444)
    assert main(["check", "chart", "--fix", "--ignore", "REF-1"]) == 0
    capsys.readouterr()
    assert main(["check", "chart", "--fix"]) == 1  # the finding is left
    out, err = capsys.readouterr()
    assert "FAIL REF-1" in out
    assert _said(err).startswith("ERROR cannot write chart/values.yaml: it is read-only\n")
    assert err.endswith("fixed nothing\n")
    assert (chart / "values.yaml").read_text() == _SHORT


def test_an_error_counts_where_only_a_warning_is_left(chart: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (chart / "values.yaml").write_text(VALUES.replace("example/", ""))
    (chart / "values.yaml").chmod(0o444)
    assert main(["check", "chart", "--fix"]) == 4
    assert "WARN REF-1" in capsys.readouterr().out


def test_a_file_that_changes_while_it_is_fixed_is_an_error(
    chart: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_file = folder.FileChange.write

    def late(change: folder.FileChange) -> None:
        change.file.write_bytes(change.before + b"# of somebody else\n")
        write_file(change)

    monkeypatch.setattr(folder.FileChange, "write", late)
    assert main(["check", "chart", "--fix"]) == 1
    assert "chart/values.yaml: it was changed while it was fixed" in capsys.readouterr().err
    assert (chart / "values.yaml").read_text() == f"{_SHORT}# of somebody else\n"
    assert sorted(path.name for path in chart.iterdir()) == ["Chart.yaml", "templates", "values.yaml"]


def test_a_packaged_chart_is_not_changed(chart: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    archive = tmp_path / "chart-1.0.0.tgz"
    subprocess.run(["tar", "czf", archive, chart.name], check=True, cwd=tmp_path)  # noqa: S607
    before = archive.read_bytes()
    assert main(["check", archive.name, "--fix"]) == 1
    assert "not fixed  REF-1" in (err := capsys.readouterr().err)
    assert "the chart is packaged" in err
    assert archive.read_bytes() == before


def test_a_chart_that_does_not_render_stops_no_other_one(
    chart: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = write(tmp_path / "broken", {"values.yaml": _SHORT, "templates/api.yaml": "{{ fail `no` }}"})
    assert main(["check", str(tmp_path), "--fix"]) == 3
    assert "fixed 1 finding in 1 file" in capsys.readouterr().err
    assert (chart / "values.yaml").read_text() == VALUES
    assert (broken / "values.yaml").read_text() == _SHORT


def test_diff_reports_a_chart_that_does_not_render(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = write(tmp_path, {"templates/api.yaml": "{{ fail `no` }}"})
    assert main(["check", str(broken), "--diff"]) == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert _said(err).startswith("ERROR ")
    assert err.endswith("would fix nothing\n")


@pytest.mark.parametrize("option", ["--fix", "--diff"])
def test_a_repair_that_breaks_stops_no_other_chart(
    chart: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    metadata = "apiVersion: v2\nname: other\nversion: 1.0.0\n"
    other = write(tmp_path / "other", {"values.yaml": VALUES.replace("example/", ""), "Chart.yaml": metadata})
    right = registry.repairs()["REF-1"]

    def breaking(problem: Problem) -> Repair:
        return {"chart": right}[problem.chart.name](problem)

    monkeypatch.setitem(registry._repairs, "REF-1", breaking)
    assert main(["check", str(tmp_path), option]) == (3 if option == "--fix" else 1)
    assert "ERROR the repairs of other broke: KeyError('other')\n" in capsys.readouterr().err
    assert (chart / "values.yaml").read_text() == (VALUES if option == "--fix" else _SHORT)
    assert (other / "values.yaml").read_text() == VALUES.replace("example/", "")


def test_names_of_charts_reach_the_terminal_as_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    key = '"a\\e[31m\\n::error::x"'
    values = f"images:\n  pull_policy: IfNotPresent\n  api: docker.io/example/api:1.2.3\n  {key}: example/web:1.2.3\n"
    write(tmp_path, {"values.yaml": values})
    main(["check", "chart", "--fix"])
    err = capsys.readouterr().err
    assert "images.a\\x1b[31m\\n::error::x" in err
    assert "\x1b" not in err
