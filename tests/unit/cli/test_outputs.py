"""`--output-format`, `-` for standard output, and places that cannot be written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from osh_conformance.cli import main
from osh_conformance.report.base import registered
from tests.case_charts import case

_CHART = str(case("ref-2-latest"))
_CHECK = ["check", _CHART, "--select", "REF-2"]
_FORMATS = sorted(registered())


def _run(*arguments: str, redirected: str = "") -> subprocess.CompletedProcess[str]:
    """Run `check` in a process of its own; `redirected` follows the command in a shell."""
    argv = [sys.executable, "-m", "osh_conformance", *_CHECK, *arguments]
    if redirected:
        argv = ["bash", "-c", f'"$@" {redirected}', "bash", *argv]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", _FORMATS)
def test_every_reporter_is_a_format_of_standard_output(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "file"
    assert main([*_CHECK, f"--{name}", str(file)]) == 1
    assert "FAIL REF-2" in capsys.readouterr().out
    assert "REF-2" in file.read_text()
    for arguments in (["--output-format", name], [f"--{name}", "-"]):
        assert main([*_CHECK, *arguments]) == 1
        captured = capsys.readouterr()
        assert _comparable(captured.out) == _comparable(file.read_text()), "nothing else is on standard output"
        assert captured.err == ""


def _comparable(text: str) -> list[str]:
    """Return the lines without those that hold a time."""
    changing = ("seconds", "time=", "1 chart, 1 check:")
    return [line for line in text.splitlines() if not any(word in line for word in changing)]


@pytest.mark.parametrize("name", ["full", "concise"])
def test_the_formats_for_people_are_no_documents(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*_CHECK, "--output-format", name]) == 1
    out = capsys.readouterr().out
    assert "REF-2" in out
    assert "1 chart, 1 check: 1 failed" in out


def test_an_unknown_format_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*_CHECK, "--output-format", "jsn"]) == 4
    err = capsys.readouterr().err
    assert "--output-format jsn: no output format `jsn`: did you mean `json`?" in err
    assert all(name in err for name in ("full", "concise", *_FORMATS))


def test_the_configuration_file_chooses_the_format(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "osh-conformance.toml"
    file.write_text('strict = false\noutput-format = "json"\n')
    assert main([*_CHECK, "--config", str(file)]) == 1
    assert json.loads(capsys.readouterr().out)["findings"][0]["rule"] == "REF-2"
    assert main([*_CHECK, "--config", str(file), "--output-format", "full"]) == 1
    assert capsys.readouterr().out.startswith("FAIL REF-2")
    file.write_text('strict = false\noutput-format = "jsn"\n')
    assert main([*_CHECK, "--config", str(file)]) == 4
    assert f"{file}:2: no output format `jsn`: did you mean `json`?" in capsys.readouterr().err
    # An output that the command line puts on standard output comes before the file.
    assert main([*_CHECK, "--config", str(file), "--json", "-"]) == 1


def test_the_configuration_file_names_outputs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "osh-conformance.toml"
    file.write_text('[outputs]\nsarif = "r.sarif"\ngitlab = "-"\n')
    assert main([*_CHECK, "--config", str(file)]) == 1
    assert json.loads(capsys.readouterr().out)[0]["check_name"] == "REF-2", "`-` is standard output here too"
    assert json.loads((tmp_path / "r.sarif").read_text())["runs"]
    assert main([*_CHECK, "--config", str(file), "--gitlab", str(tmp_path / "r.json")]) == 1
    assert "FAIL REF-2" in capsys.readouterr().out, "the command line overrides the file"
    assert main([*_CHECK, "--config", str(file), "--json", "-"]) == 4
    err = capsys.readouterr().err
    assert f"two outputs on standard output: --json - and {file}:3: `outputs.gitlab`" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--json", "-", "--junit", "-"], ("two outputs on standard output", "--json -", "--junit -")),
        (["--json", "-", "--output-format", "junit"], ("two outputs on standard output", "--output-format junit")),
        (["--json", "-", "--output-format", "full"], ("two outputs on standard output", "--output-format full")),
        (["--json", "{}/a", "--junit", "{}/b/../a"], ("two outputs in one file", "/a and --junit")),
        (["--json", "{}/a", "--junit", "{}/link"], ("two outputs in one file", "/link")),
        (["--json", "{}"], ("cannot write", "Is a directory")),
        (["--json", "{}/file/x.json"], ("cannot write", "/file/x.json")),
        (["--json", "/proc/x.json"], ("cannot write /proc/x.json",)),
        (["--junit", "/proc/x.xml"], ("cannot write /proc/x.xml",)),
    ],
)
def test_a_place_for_an_output_that_is_wrong_is_one_error(
    arguments: list[str], words: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("a")
    before = sorted(tmp_path.rglob("*"))
    assert main([*_CHECK, *(argument.format(tmp_path) for argument in arguments)]) == 4
    captured = capsys.readouterr()
    assert captured.err.count("ERROR") == 1
    assert all(word in captured.err for word in words)
    assert "FAIL" not in captured.out, "the error comes before the check"
    assert sorted(tmp_path.rglob("*")) == before, "nothing is written, not even in part"


@pytest.mark.parametrize(
    ("shell", "code", "words"),
    [
        (">&-", 3, "standard output is closed"),
        (">/dev/full", 3, "cannot write standard output: No space left on device"),
        ("| true; exit ${PIPESTATUS[0]}", 3, "cannot write standard output: its reader has closed the pipe"),
    ],
)
def test_standard_output_that_takes_nothing_is_one_error(shell: str, code: int, words: str, tmp_path: Path) -> None:
    junit = tmp_path / "r.xml"
    done = _run("--json", "-", "--junit", str(junit), redirected=shell)
    assert done.returncode == code, done.stderr
    assert done.stderr.startswith(f"ERROR {words}")
    assert done.stderr.count("ERROR") == 1
    assert "Traceback" not in done.stderr
    if shell != ">&-":
        assert "REF-2" in junit.read_text(), "the other output is written, and stays"


def test_a_full_disk_is_one_error_after_the_check(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*_CHECK, "--json", "/dev/full"]) == 3
    assert capsys.readouterr().err == "ERROR cannot write /dev/full: No space left on device\n"


@pytest.mark.parametrize("place", ["/dev/stdout", "/dev/fd/1"])
def test_a_file_that_is_standard_output_is_refused(place: str) -> None:
    done = _run("--json", place)
    assert done.returncode == 4
    assert f"ERROR --json {place} is standard output\n  fix        --json -" in done.stderr
    assert Path("/dev/stdout").is_symlink(), "no file replaces the stream"


def test_a_file_to_which_standard_output_goes_is_refused(tmp_path: Path) -> None:
    done = _run("--json", str(tmp_path / "r"), redirected=f">{tmp_path / 'r'}")
    assert done.returncode == 4
    assert "is standard output" in done.stderr


def test_two_outputs_may_be_thrown_away() -> None:
    assert main([*_CHECK, "--json", os.devnull, "--junit", os.devnull]) == 1
    assert not Path(os.devnull).is_file()


def test_an_output_goes_to_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["/bin/cat", str(pipe)], stdout=subprocess.PIPE) as reader:
        assert main([*_CHECK, "--json", str(pipe)]) == 1
        assert json.loads(reader.communicate()[0])["findings"]
    assert pipe.is_fifo()


def test_a_link_stays_and_its_target_is_written(tmp_path: Path) -> None:
    link = tmp_path / "latest.json"
    link.symlink_to("2026.json")
    assert main([*_CHECK, "--json", str(link)]) == 1
    assert link.is_symlink()
    assert json.loads((tmp_path / "2026.json").read_text())["findings"]


def test_a_document_on_standard_output_is_written_after_a_usage_error_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", _CHART, "--select", "NO-1", "--output-format", "json"]) == 4
    captured = capsys.readouterr()
    assert json.loads(captured.out)["findings"][0]["status"] == "error"
    assert "no rule `NO-1`" in captured.err


def test_an_old_report_stays_until_the_new_one_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "r.json"
    file.write_text("old")

    def fails(_self: Path, _target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fails)
    assert main([*_CHECK, "--json", str(file)]) == 3
    assert [path.name for path in tmp_path.iterdir()] == ["r.json"]
    assert file.read_text() == "old"


def test_pytest_keeps_standard_output_for_itself(pytester: pytest.Pytester) -> None:
    done = pytester.runpytest_subprocess("--charts", _CHART, "--conformance-json", "-")
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines(["*--conformance-json -: standard output has the report of pytest*"])


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("-", "a baseline needs a file"),
        ("folder", "a baseline needs a file"),
        ("pipe", "a baseline needs a file"),
        ("report.json", "two outputs in one file"),
        ("read-only.yaml", "it is read-only"),
        ("", "its value is empty"),
    ],
)
def test_a_place_that_takes_no_baseline_is_an_error_before_the_check(
    place: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "read-only.yaml").write_text("deviations: []\n")
    (tmp_path / "read-only.yaml").chmod(0o444)
    assert main([*_CHECK, "--json", "report.json", "--write-baseline", place]) == 4
    captured = capsys.readouterr()
    assert told in captured.err
    assert captured.out == ""
    assert (tmp_path / "read-only.yaml").read_text() == "deviations: []\n"
    assert (tmp_path / "pipe").is_fifo()


def test_a_file_that_is_written_again_keeps_its_mode_and_its_link(tmp_path: Path) -> None:
    file, link = tmp_path / "file.yaml", tmp_path / "link.yaml"
    assert main([*_CHECK, "--write-baseline", str(file)]) == 0
    file.chmod(0o600)
    file.write_text(file.read_text() + "# a remark\n")
    link.symlink_to(file)
    assert main([*_CHECK, "--write-baseline", str(link)]) == 0
    assert link.is_symlink()
    assert "a remark" not in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("option", ["--exclude", "--overrides", "--json", "--config"])
def test_an_empty_variable_is_a_usage_error(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*_CHECK, option, ""]) == 4
    assert "its value is empty" in capsys.readouterr().err


def test_an_empty_path_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "", "--fix"]) == 4
    assert "its value is empty" in capsys.readouterr().err


def test_a_file_that_does_not_parse_is_shown_at_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    chart = tmp_path / "charts" / "broken"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: broken\nversion: 1.0.0\n")
    (chart / "values.yaml").write_text("a: 1\nb: [\n")
    assert main(["check", "charts/broken", "--json", "report.json", "--github", "github.txt"]) == 3
    (error,) = json.loads(Path("report.json").read_text())["findings"]
    assert error["path"] == "charts/broken/values.yaml"
    assert f"charts/broken/values.yaml:{error['line']}" in error["found"]
    assert f"file=charts/broken/values.yaml,line={error['line']}" in Path("github.txt").read_text()


def test_a_diff_names_the_file_of_a_chart_that_cannot_be_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    chart = tmp_path / "broken"
    chart.mkdir()
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: broken\nversion: 1.0.0\n")
    (chart / "values.yaml").write_text("a: 1\nb: [\n")
    assert main(["check", "broken", "--diff"]) == 3
    assert "broken/values.yaml:" in capsys.readouterr().err


def test_a_quiet_run_that_checks_nothing_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*_CHECK, "--ignore", "REF-2", "-q"]) == 5
    assert "1 chart" in capsys.readouterr().out
