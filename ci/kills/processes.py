"""Finding processes by a mark in their environment, and killing them."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

from osh_conformance.errors import SuiteError

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Mapping

    from ci.kills.dumps import Dump

QUICK = 120.0
GONE = 10.0


def parents_of_all() -> dict[int, int]:
    """Return the parent of each process."""
    found = {}
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            found[int(path.name)] = int((path / "stat").read_text().rpartition(")")[2].split()[1])
    return found


def having(condition: Callable[[bytes], bool]) -> dict[int, str]:
    """Return the running processes whose environment meets a condition, with their command lines."""
    found = {}
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            if words and condition((path / "environ").read_bytes()):
                found[int(path.name)] = words
    return found


def carriers(mark: str) -> dict[int, str]:
    """Return the running processes with `mark` in their environment, with their command lines."""
    return having(lambda environment: _carries(environment, mark))


def kill(pid: int, mark: str) -> None:
    """Kill one of our processes, through a file descriptor: its id may belong to another process a moment later."""
    with contextlib.suppress(OSError):
        handle = os.pidfd_open(pid)
        try:
            if _carries(Path(f"/proc/{pid}/environ").read_bytes(), mark):
                signal.pidfd_send_signal(handle, signal.SIGKILL)
        finally:
            os.close(handle)


def _carries(environment: bytes, mark: str) -> bool:
    return mark.encode() in environment.split(b"\0")


def descendants(pid: int, parents: Mapping[int, int]) -> set[int]:
    """Return the processes that descend from `pid`."""
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


def kill_session(main: subprocess.Popen[bytes], mark: str) -> None:
    """Kill a run and all its descendants, in any session."""
    victims = descendants(main.pid, parents_of_all())
    main.kill()
    for pid in victims:
        kill(pid, mark)
    ends = time.monotonic() + GONE
    while others := carriers(mark):
        for pid in others:
            kill(pid, mark)
        if time.monotonic() > ends:
            raise SuiteError(f"processes did not end within {GONE:g} s of SIGKILL: {others}")
    main.wait(GONE)


def start_of(pid: int) -> Dump:
    """Return the start time of a process, in ticks; empty if it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return {}
    return {f"process {pid}": fields[19]} if fields[0] != "Z" else {}
