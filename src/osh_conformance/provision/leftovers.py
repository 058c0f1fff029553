"""Processes and mounts that outlive their run: found by a mark in the environment, or by their folder."""

from __future__ import annotations

import contextlib
import os
import select
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from osh_conformance import process
from osh_conformance.errors import SuiteError
from osh_conformance.waiting import WaitTimeoutError, until

if TYPE_CHECKING:
    from collections.abc import Iterable

_GRACE = 5.0
#: Seconds within which a process that executes another program has its environment.
_EXEC_WITHIN = 0.1
_PAUSE = 0.005


def end_marked(mark: str, value: str) -> tuple[str, ...]:
    """End all processes with `mark`=`value` in their environment, except this one and its ancestors.

    Returns `PID (NAME)` for each. Raises `SuiteError` for a process that does not end.
    """
    wanted = f"{mark}={value}".encode()
    ended: list[str] = []
    # Repeat until none is found: a process that was listed may start a child before it ends.
    while more := tuple(_end_each(wanted)):
        ended += more
    return tuple(ended)


def _end_each(wanted: bytes) -> Iterable[str]:
    mine = set(_ancestors(os.getpid()))
    for pid in (int(path.name) for path in Path("/proc").glob("[0-9]*")):
        if pid in mine or not _carries(pid, wanted):
            continue
        with contextlib.suppress(ProcessLookupError, PermissionError):
            ended = _end(pid, wanted)
            if ended:
                yield ended


def unmount_below(folder: Path) -> list[str]:
    """Unmount everything below `folder`, the deepest mounts first; return a description of each."""
    points = [line.split()[4].replace("\\040", " ") for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    below = sorted({point for point in points if point.startswith(f"{folder}/")}, key=len, reverse=True)
    for point in below:
        process.run(["umount", "--lazy", point], deadline=30)
    return [f"mount {point}" for point in below]


def _ancestors(pid: int) -> Iterable[int]:
    while pid > 0:
        yield pid
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            return


def _carries(pid: int, wanted: bytes) -> bool:
    return wanted in _environment(pid).split(b"\0")


def _environment(pid: int) -> bytes:
    """Return the environment of a process, empty if it has none or is not readable.

    A process shows none for a moment while it executes another program, so an empty one is read again.
    """

    def settled() -> tuple[bytes] | None:
        try:
            # A kernel thread, and a process that has ended, run no program.
            Path(f"/proc/{pid}/exe").readlink()
            environment = Path(f"/proc/{pid}/environ").read_bytes()
        except OSError:
            return (b"",)
        return (environment,) if environment else None

    try:
        return until(settled, f"the environment of process {pid}", deadline=_EXEC_WITHIN, pause=_PAUSE)[0]
    except WaitTimeoutError:
        return b""


def _end(pid: int, wanted: bytes) -> str:
    """End one process through a file descriptor: its process id may belong to another process a moment later."""
    handle = os.pidfd_open(pid)
    try:
        if not _carries(pid, wanted):
            return ""
        name = Path(f"/proc/{pid}/comm").read_text().strip()
        for number in (signal.SIGTERM, signal.SIGKILL):
            signal.pidfd_send_signal(handle, number)
            if select.select([handle], [], [], _GRACE)[0]:
                return f"{pid} ({name})"
    finally:
        os.close(handle)
    raise SuiteError(f"process {pid} ({name}) of a dead run did not end within {_GRACE:g} s of SIGKILL")
