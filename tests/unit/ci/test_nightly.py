"""The scripts of the nightly workflows: what a part keeps, and the exit code of all parts together."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.paths import ROOT

if TYPE_CHECKING:
    from pathlib import Path

_SCRIPTS = ROOT / "ci" / "nightly"


@pytest.mark.parametrize(
    ("codes", "number", "expected"),
    [
        ([0, 0], 2, 0),
        ([0, 5], 2, 0),
        ([5, 5], 2, 5),
        ([0, 1, 3], 3, 1),
        ([0, 3, 4], 3, 3),
        ([0, 2, 4], 3, 2),
        ([4, 0], 2, 4),
        ([0], 2, 3),
        ([1], 2, 1),
        ([10, 0], 2, 3),
        ([], 2, 3),
    ],
)
def test_a_nightly_run_ends_as_its_worst_part_ended(
    codes: list[int], number: int, expected: int, tmp_path: Path
) -> None:
    for part, code in enumerate(codes):
        (tmp_path / str(part)).mkdir()
        (tmp_path / str(part) / "code").write_text(f"{code}\n")
    (tmp_path / "killed").mkdir()
    done = subprocess.run([_SCRIPTS / "worst.sh", tmp_path, str(number)], capture_output=True, text=True, check=False)
    assert done.returncode == expected, done.stderr
    assert len(done.stdout.splitlines()) == len(codes)
    assert done.stderr == ("" if len(codes) == number or 1 in codes else f"{len(codes)} of 2 parts came to their end\n")


@pytest.mark.parametrize("code", [0, 1])
def test_a_part_keeps_its_reports_and_its_exit_code(code: int, tmp_path: Path) -> None:
    program = tmp_path / "osh-conformance"
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/arguments\nexit {code}\n')
    program.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    folder = tmp_path / "reports" / "v1-1"
    argv = [str(_SCRIPTS / "part.sh"), str(folder), "my charts", "--shard", "1/4"]
    assert subprocess.run(argv, env=environment, check=False).returncode == code
    assert (folder / "code").read_text() == f"{code}\n"
    arguments = (tmp_path / "arguments").read_text().splitlines()
    assert arguments[0] == "live"
    assert arguments[-3:] == ["my charts", "--shard", "1/4"]
    written = [arguments[arguments.index(option) + 1] for option in ("--json", "--junit", "--artifacts")]
    assert written == [f"{folder}/{name}" for name in ("report.json", "junit.xml", "artifacts")]
