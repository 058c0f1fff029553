"""Messages that say what is wrong and what to do, where a wrong one would mislead."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from osh_conformance.cli import main
from osh_conformance.errors import SuiteError
from osh_conformance.render.engines import choice
from tests.case_charts import case
from tests.paths import ROOT
from tests.unit.cli.reports import CLEAN

if TYPE_CHECKING:
    from collections.abc import Sequence

_CHECK = ("check", CLEAN, "--select", "REF-1")


def _error(capsys: pytest.CaptureFixture[str], words: Sequence[str]) -> str:
    assert main(words) == 4
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    return captured.err


# -- the command line ----------------------------------------------------------------------------------------------


def test_the_program_alone_prints_its_help_and_is_no_success(capsys: pytest.CaptureFixture[str]) -> None:
    error = _error(capsys, [])
    assert error.startswith("ERROR no verb\n")
    assert "check charts without a cluster" in error


@pytest.mark.parametrize("words", [["help"], ["help", "check"]])
def test_help_is_a_verb_too(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: osh-conformance {' '.join(words[1:])}")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["check", CLEAN, "--selct", "REF"], "`check` has no option --selct: did you mean `--select`?"),
        (["check", CLEAN, "--ingore=REF"], "`check` has no option --ingore: did you mean `--ignore`?"),
        (["check", CLEAN, "--xyzzy"], "`check` has no option --xyzzy\n  fix        osh-conformance check --help"),
        (["check", CLEAN, "-z"], "`check` has no option -z\n"),
        (["plan", CLEAN, "--recuded"], "`plan` has no option --recuded: did you mean `--reduced`?"),
        (["gc", "--ketp"], "`gc` has no option --ketp: did you mean `--kept`?"),
        (["check", CLEAN, "--strict", "more"], "`check` does not take more here\n  fix        name every PATH"),
        (["explain", "REF-1", "REF-2"], "`explain` does not take REF-2 here\n  fix        osh-conformance explain"),
    ],
)
def test_a_wrong_option_is_one_error_with_a_suggestion(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    error = _error(capsys, words)
    assert message in error
    assert error.count("ERROR") == 1


# -- renderers and extras ------------------------------------------------------------------------------------------


def test_a_renderer_that_is_asked_for_and_missing_is_named_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("OSH_CONFORMANCE_HELM", raising=False)
    assert main([*_CHECK, "--renderer", "helm", "--no-cache"]) == 3
    out = capsys.readouterr().out
    assert "the program `helm` is not on PATH" in out
    assert "helm-python-sdk" not in out, "it is installed"


def test_without_any_renderer_the_fix_installs_one_from_an_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SuiteError) as caught:
        choice.program()
    assert caught.value.fix == "pip install helm-python-sdk, or name the program with --helm-program"


def test_no_message_names_the_package_as_one_of_an_index() -> None:
    sources = [file for file in (ROOT / "src").rglob("*.py") if "pip install 'osh-conformance" in file.read_text()]
    assert sources == []


def _program(folder: Path, text: str) -> Path:
    file = folder / "helm"
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return file


def test_a_helm_program_that_is_named_renders(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    helm = _program(tmp_path, "exit 7")
    assert main([*_CHECK, "--helm-program", str(helm)]) == 3
    assert f"does not render: {helm} ended with exit code 7, and printed nothing" in capsys.readouterr().out


def test_a_helm_program_beside_the_other_renderer_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--helm-program", str(_program(tmp_path, "exit 7"))]
    assert "--renderer sdk: it does not run --helm-program" in _error(capsys, [*_CHECK, *words, "--renderer", "sdk"])
    file = tmp_path / "osh-conformance.toml"
    file.write_text('renderer = "sdk"\n')
    error = _error(capsys, [*_CHECK, *words, "--config", str(file)])
    assert f"{file}:1: `renderer` sdk: it does not run --helm-program" in error


# -- overrides -----------------------------------------------------------------------------------------------------


def _overrides(folder: Path, *names: str) -> str:
    for name in names:
        (folder / name).mkdir(parents=True)
        (folder / name / "a.yaml").write_text("images: {}\n")
    return str(folder)


@pytest.mark.parametrize(
    ("name", "note"),
    [
        ("claen-flat", "claen-flat names no chart: did you mean `clean-flat`?"),
        ("glance", "no folder in it has the name of a chart of this run"),
    ],
)
def test_overrides_of_no_chart_are_noted(
    name: str, note: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = _overrides(tmp_path / "o", name)
    assert main([*_CHECK, "--overrides", folder]) == 0
    assert f"note  --overrides {folder}: {note}\n" in capsys.readouterr().err


def test_overrides_of_other_charts_are_not_noted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*_CHECK, "--overrides", _overrides(tmp_path / "o", "clean-flat", "glance")]) == 0
    assert "note" not in capsys.readouterr().err


def test_overrides_that_seem_misspelt_beside_right_ones_are_noted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = _overrides(tmp_path / "o", "clean-flat", "claen-tags")
    assert main(["check", CLEAN, str(case("clean-tags")), "--select", "REF-1", "--overrides", folder]) == 0
    assert f"note  --overrides {folder}: claen-tags names no chart: did you mean `clean-tags`?" in (
        capsys.readouterr().err
    )


# -- files that a run writes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("option", ["--json", "--junit", "--write-baseline"])
def test_a_mistyped_path_of_a_file_creates_no_folders(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "mistyped" / "deep" / "file"
    error = _error(capsys, [*_CHECK, option, str(file)])
    assert f"cannot write {file}: there is no folder {tmp_path / 'mistyped'}\n" in error
    assert f"mkdir -p {file.parent}" in error
    assert error.count("ERROR") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("option", ["--json", "--junit", "--write-baseline"])
def test_a_folder_that_a_run_creates_is_named(option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*_CHECK, option, str(tmp_path / "reports" / "file")]) == 0
    assert f"created the folder {tmp_path / 'reports'}\n" in capsys.readouterr().err
    assert (tmp_path / "reports" / "file").is_file()


def test_a_baseline_that_cannot_be_written_stays_as_it_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    chart = shutil.copytree(case("ref-2-latest"), tmp_path / "chart")
    baseline = tmp_path / "baseline.yaml"
    assert main(["check", str(chart), "--write-baseline", str(baseline)]) == 0
    before = baseline.read_text()
    capsys.readouterr()

    def fail(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "replace", fail)
    error = _error(capsys, ["check", str(chart), "--write-baseline", str(baseline)])
    assert f"cannot write {baseline}: Read-only file system" in error
    assert baseline.read_text() == before
    assert sorted(file.name for file in tmp_path.iterdir()) == ["baseline.yaml", "chart"]
