"""Running commands: outcomes, deadlines, cancellation, secrets, and no process that stays behind."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from osh_conformance import process


def alive(pid: int) -> bool:
    """Whether a process runs. One that has ended but is not reaped does not count."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_run_returns_exit_code_and_both_streams() -> None:
    outcome = process.run(["sh", "-c", "echo out; echo err >&2; exit 3"], deadline=10, check=False)
    assert (outcome.code, outcome.stdout, outcome.stderr, outcome.ok) == (3, "out\n", "err\n", False)


def test_an_unexpected_exit_code_is_an_error_with_the_last_output() -> None:
    with pytest.raises(process.CommandError, match="exit code 3") as caught:
        process.run(["sh", "-c", "echo why >&2; exit 3"], deadline=10)
    assert "why" in caught.value.details


def test_a_missing_program_is_an_error_that_names_it() -> None:
    with pytest.raises(process.MissingProgramError, match="no-such-program"):
        process.run(["no-such-program"], deadline=1)


def test_run_ends_the_whole_process_group_at_the_deadline(tmp_path: Path) -> None:
    child = tmp_path / "child"
    script = f"sleep 60 & echo $! > {child}; wait"
    with pytest.raises(process.DeadlineError, match="1 s"):
        process.run(["sh", "-c", script], deadline=1)
    # The signal was sent; on a busy machine the process ends a moment later.
    ends = time.monotonic() + 10
    while alive(int(child.read_text())):
        assert time.monotonic() < ends
        time.sleep(0.05)


def test_a_cancelled_command_ends_without_an_error() -> None:
    cancel = threading.Event()
    threading.Timer(0.3, cancel.set).start()
    started = time.monotonic()
    outcome = process.run(["sleep", "60"], deadline=60, cancel=cancel, check=False)
    assert not outcome.ok
    assert time.monotonic() - started < 30


def test_run_passes_input_with_and_without_a_cancel_event() -> None:
    for cancel in (None, threading.Event()):
        assert process.run(process.Command(argv=["cat"], stdin="text"), deadline=10, cancel=cancel).stdout == "text"


def test_run_removes_secrets_from_the_outcome() -> None:
    outcome = process.run(process.Command(argv=["echo", "s3cret"], secrets=["s3cret"]), deadline=10)
    assert "s3cret" not in repr(outcome)
    assert outcome.stdout == "***\n"


def test_run_appends_to_the_log_and_returns_the_new_part(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("before\n")
    assert process.run(process.Command(argv=["echo", "after"], log=log), deadline=10).stdout == "after\n"
    assert log.read_text() == "before\nafter\n"
