"""A container that fails again and again in the same way, and those that only seem to."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from osh_conformance.observe.attempts import last_line, repeated_failure, speaks_of_connecting

if TYPE_CHECKING:
    from collections.abc import Sequence

LINE = "configparser.NoSectionError: No section: 'database'"


def _ended(second: int, code: int = 1, lasts: int = 1) -> dict[str, Any]:
    times = {
        name: f"2026-11-30T10:00:{number:02d}Z"
        for name, number in (("startedAt", second), ("finishedAt", second + lasts))
    }
    return {"exitCode": code, **times}


def _pod(name: str, restarts: int, field: str = "containerStatuses") -> dict[str, Any]:
    owner = {"kind": "Job", "name": "db-drop", "controller": True}
    statuses = [{"name": "drop", "restartCount": restarts, "state": {}}]
    return {"metadata": {"name": name, "ownerReferences": [owner]}, "status": {field: statuses}}


def in_place(lines: Sequence[str], codes: Sequence[int] = (1, 1, 1), *, field: str = "containerStatuses") -> Any:
    """One pod, whose container was restarted: restartPolicy OnFailure."""
    keys = [f"drop-x drop {number}" for number in range(len(lines))]
    ends = {key: _ended(10 * number, code) for number, (key, code) in enumerate(zip(keys, codes, strict=True))}
    watch: Any = SimpleNamespace(logs=dict(zip(keys, lines, strict=True)), ends=ends)
    return repeated_failure(watch, [_pod("drop-x", len(lines) - 1, field)])


def in_new_pods(lines: Sequence[str], *, lasts: int = 1) -> Any:
    """A pod for each attempt: restartPolicy Never."""
    keys = [f"drop-{number} drop 0" for number in range(len(lines))]
    ends = {key: _ended(10 * number, lasts=lasts) for number, key in enumerate(keys)}
    watch: Any = SimpleNamespace(logs=dict(zip(keys, lines, strict=True)), ends=ends)
    return repeated_failure(watch, [_pod(f"drop-{number}", 0) for number in reversed(range(len(lines)))])


def test_three_attempts_that_end_alike_show_it() -> None:
    for seen in (in_place([LINE] * 3), in_new_pods([LINE] * 3)):
        assert (seen.words, seen.line, seen.attempts) == ("Job/db-drop drop, exit code 1", LINE, 3)


def test_a_time_at_its_beginning_makes_no_difference() -> None:
    logs = [f"first\n2026-11-30 10:00:0{number},123 - drop - ERROR - no such key\n\n" for number in range(3)]
    assert in_place(logs).line == "drop - ERROR - no such key"


@pytest.mark.parametrize(
    ("lines", "codes"),
    [
        ([LINE] * 2, (1, 1)),
        ([LINE, LINE, "3 of 5 are left"], (1, 1, 1)),
        (["5 of 5 are left", "4 of 5 are left", "3 of 5 are left"], (1, 1, 1)),
        ([LINE] * 3, (1, 1, 2)),
        ([LINE] * 4, (1, 1, 1, 0)),
        ([LINE] * 3, (0, 0, 0)),
        ([""] * 3, (1, 1, 1)),
        (["(no log: it is gone)"] * 3, (1, 1, 1)),
        (["connecting..."] * 3, (1, 1, 1)),
    ],
)
def test_attempts_that_differ_end_well_or_say_nothing_do_not(lines: list[str], codes: tuple[int, ...]) -> None:
    assert in_place(lines, codes) is None


def test_a_program_that_does_not_start_is_known_by_the_message_of_the_runtime() -> None:
    message = 'runc create failed: unable to start container process: exec: "/tmp/db-drop.py": permission denied'
    keys = [f"drop-x drop {number}" for number in range(3)]
    ends = {
        key: {
            **_ended(10 * number, code=128),
            "startedAt": "1970-01-01T00:00:00Z",
            "reason": "StartError",
            "message": message,
        }
        for number, key in enumerate(keys)
    }
    watch: Any = SimpleNamespace(logs=dict.fromkeys(keys, ""), ends=ends)
    seen = repeated_failure(watch, [_pod("drop-x", 2)])
    assert seen is not None
    assert (seen.line, seen.words) == (message, "Job/db-drop drop, exit code 128")


def test_pods_that_ran_side_by_side_are_one_attempt() -> None:
    assert in_new_pods([LINE] * 3, lasts=25) is None


def test_an_init_container_waits_for_others() -> None:
    assert in_place([LINE] * 3, field="initContainerStatuses") is None


def test_what_sqlalchemy_prints_after_an_error_is_not_its_last_line() -> None:
    error = 'sqlalchemy.exc.OperationalError: (pymysql.err.OperationalError) (2003, "Can\'t reach it")'
    log = f"Traceback\n{error}\n[SQL: DROP DATABASE a]\n(Background on this error at: https://sqlalche.me/e/14/e3q8)\n"
    assert last_line(log) == error
    assert in_place([log] * 3) is None


@pytest.mark.parametrize(
    "line",
    [
        "ERROR 2002 (HY000): Can't find it",
        "Connection refused",
        "could not CONNECT to mariadb:3306",
        "curl: (6) Could not resolve host: mariadb",
        "(2013, 'Lost it')",
        "MySQL server has gone away",
        "waiting for the server",
        "dial tcp: i/o timeout",
        "ERROR 1205 (HY000): Lock wait timeout exceeded; try restarting transaction",
    ],
)
def test_these_speak_of_connecting(line: str) -> None:
    assert speaks_of_connecting(line)


@pytest.mark.parametrize(
    "line",
    [
        LINE,
        "ERROR 1064 (42000): You have an error in your SQL syntax",
        "ERROR 1045 (28000): Access denied for user 'root'@'10.0.0.1'",
        "python: can't open file '/tmp/db-drop.py': [Errno 2] No such file or directory",
        "ModuleNotFoundError: No module named 'sqlalchemy'",
        "port 20021 is not a name",
    ],
)
def test_these_do_not(line: str) -> None:
    assert not speaks_of_connecting(line)
