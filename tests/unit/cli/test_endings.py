"""How the program ends when nothing takes its output, or when it breaks: code 3 and one line, never code 1."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from osh_conformance import __version__
from osh_conformance.cli import bug_report, main
from osh_conformance.folders import default_folders
from tests.unit.cli.reports import CLEAN, document_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

_FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not _FULL.is_char_device(), reason="this system has no /dev/full")


def _ended(redirections: str, *words: str) -> subprocess.CompletedProcess[str]:
    # The streams of users are buffered, so that a write may fail only when Python closes them.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    command = shlex.join([sys.executable, "-m", "osh_conformance", *words])
    return subprocess.run(
        ["/bin/sh", "-c", f"{command} {redirections}"],
        env=environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )


def _breaks(monkeypatch: pytest.MonkeyPatch, verb: str, body: Callable[[], None]) -> None:
    def run(_args: argparse.Namespace) -> int:
        body()
        return 0

    monkeypatch.setattr(f"osh_conformance.cli.{verb}.run", run)


def _raise(error: Exception) -> None:
    raise error


def test_a_closed_standard_output_is_one_line_and_3() -> None:
    ended = _ended(">&-", "explain")
    assert ended.returncode == 3
    assert ended.stderr.startswith("ERROR standard output is closed\n")


@needs_full
@pytest.mark.parametrize("verb", [("explain",), ("check", CLEAN, "--select=REF-1")], ids=["explain", "check"])
def test_an_output_that_takes_nothing_is_one_line_and_3(verb: tuple[str, ...]) -> None:
    ended = _ended(">/dev/full", *verb)
    assert ended.returncode == 3
    assert "ERROR cannot write to standard output: No space left on device\n" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_closed_standard_error_changes_no_verdict(tmp_path: Path) -> None:
    junit = str(tmp_path / "r.xml")
    for more in ((), ("--junit", junit)):
        ended = _ended("2>&-", "check", CLEAN, "--select=REF-1", *more)
        assert (ended.returncode, ended.stderr) == (0, "")
        assert ended.stdout.startswith("1 chart, 1 check: 1 passed")


def test_a_closed_output_and_error_end_with_3() -> None:
    assert _ended(">&- 2>&-", "explain").returncode == 3


@needs_full
@pytest.mark.parametrize("option", ["--junit", "--json"])
def test_a_full_disk_below_a_report_is_one_line_and_3(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", CLEAN, "--select=REF-1", option, str(_FULL)]) == 3
    said = capsys.readouterr().err
    assert "No space left on device" in said
    assert "standard output" not in said, "it names the file"
    assert _FULL.is_char_device(), "a device is written to, and not replaced"


def test_an_exception_is_3_with_one_line_and_a_file_for_the_report(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    _breaks(monkeypatch, "doctor", lambda: _raise(KeyError("images\x1b[2J")))
    assert main(["doctor", "--helm", "3"]) == 3
    said = capsys.readouterr()
    first, fix = said.err.splitlines()
    assert first == r"ERROR osh-conformance broke: KeyError: 'images\x1b[2J'"
    file = Path(re.sub(r".*report this bug, with ", "", fix))
    assert file.parent == default_folders().state / "bugs"
    assert file.stat().st_mode & 0o077 == 0
    report = file.read_text()
    assert "Traceback (most recent call last)" in report
    assert "command: osh-conformance doctor --helm 3" in report
    assert f"osh-conformance {__version__}" in report


def test_an_exception_of_check_is_in_its_document_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    _breaks(monkeypatch, "check", lambda: _raise(KeyError("images")))
    report = tmp_path / "r.json"
    assert main(["check", CLEAN, "--json", str(report)]) == 3
    assert "KeyError: 'images'" in str(document_of(report)["findings"])
    assert capsys.readouterr().err.count("ERROR") == 1


def test_a_report_of_a_bug_that_cannot_be_written_is_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    nowhere = tmp_path / "file" / "below"
    monkeypatch.setattr(bug_report, "_state", lambda: nowhere)
    monkeypatch.setattr(bug_report, "_temporary", lambda: nowhere)
    _breaks(monkeypatch, "doctor", lambda: _raise(KeyError("images")))
    assert main(["doctor"]) == 3
    assert "  | Traceback (most recent call last):" in capsys.readouterr().err


def test_a_place_that_this_user_may_not_read_is_one_line_without_a_report(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    refused = PermissionError(13, os.strerror(13), "charts/secret")
    _breaks(monkeypatch, "doctor", lambda: _raise(refused))
    assert main(["doctor"]) == 3
    assert capsys.readouterr().err == "ERROR charts/secret: Permission denied\n"


def test_an_unreadable_folder_is_an_error_of_that_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir()
    real = Path.stat

    def stat(self: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        if self.parent == closed:
            raise PermissionError(13, os.strerror(13), str(self))
        return real(self, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(Path, "stat", stat)
    assert main(["check", str(closed), CLEAN, "--select=REF-1"]) == 3
    said = capsys.readouterr()
    assert "Traceback" not in said.err
    assert "closed" in said.out
    assert "1 passed" in said.out, "its neighbour is checked"
