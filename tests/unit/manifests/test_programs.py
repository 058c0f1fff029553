"""The program that a command line runs."""

from __future__ import annotations

import pytest

from osh_conformance.manifests.programs import Run, inline, run_of, unwrapped


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("sudo -u nova -E env A=b timeout -k 5 10 nova-manage db", ["nova-manage", "db"]),
        ("xargs -n 1 -I{} kolla_copy {}", ["kolla_copy", "{}"]),
        ("nice -n 10 -- ls", ["ls"]),
        ("ls -l", ["ls", "-l"]),
    ],
)
def test_words_that_only_start_a_command_are_removed(line: str, expected: list[str]) -> None:
    assert unwrapped(line.split()) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["bash", "-o", "pipefail", "-ec", "ls"], ("bash", "ls")),
        (["/bin/sh", "-c", "-e", "ls"], ("sh", "ls")),
        (["su", "-", "nova", "-c", "ls"], ("sh", "ls")),
        (["env", "A=b", "python3", "-u", "-c", "pass"], ("python3", "pass")),
        (["sh", "/run.sh", "-c", "x"], None),
        (["python3", "-m", "x", "-c", "y"], None),
        (["sh", "-c"], None),
        ([], None),
    ],
)
def test_a_script_in_a_command_line_is_found(words: list[str], expected: tuple[str, str] | None) -> None:
    assert inline(words) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("bash -x /scripts/run.sh start", Run(interpreter="bash", path="/scripts/run.sh")),
        ("python3 -W ignore /scripts/run", Run(interpreter="python3", path="/scripts/run")),
        (". /scripts/lib.sh", Run(interpreter=".", path="/scripts/lib.sh")),
        ("exec /scripts/run.sh", Run(interpreter="", path="/scripts/run.sh")),
        ("/opt/venv/bin/python3 /scripts/run", Run(interpreter="", path="/opt/venv/bin/python3")),
        ("python3 -m example", None),
        ("sh $DIR/run.sh", None),
        ("sh run.sh", None),
    ],
)
def test_the_file_that_a_command_line_runs_is_found(line: str, expected: Run | None) -> None:
    assert run_of(line.split()) == expected
