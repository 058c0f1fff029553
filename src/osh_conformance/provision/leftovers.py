"""Processes and mounts that outlive who made them: found by a mark in their environment, or by their place."""

from __future__ import annotations

import contextlib
import os
import select
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from osh_conformance import process
from osh_conformance.errors import SuiteError

if TYPE_CHECKING:
    from collections.abc import Iterable

_GRACE = 5.0


def end_marked(mark: str, value: str) -> tuple[str, ...]:
    """End the processes that have `mark`=`value` in their environment, but for this one and its ancestors."""
    wanted = f"{mark}={value}".encode()
    ended: list[str] = []
    # Until none is found: one that was not there when the others were listed may be a child of theirs.
    while more := tuple(_end_each(wanted)):
        ended += more
    return tuple(ended)


def _end_each(wanted: bytes) -> Iterable[str]:
    mine = set(_ancestors(os.getpid()))
    for pid in (int(path.name) for path in Path("/proc").glob("[0-9]*")):
        if pid in mine or not _carries(pid, wanted):
            continue
        with contextlib.suppress(ProcessLookupError, PermissionError):
            told = _end(pid, wanted)
            if told:
                yield told


def unmount_below(folder: Path) -> list[str]:
    """Unmount what is mounted in `folder`, the deepest first."""
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
    try:
        return wanted in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False


def _end(pid: int, wanted: bytes) -> str:
    """End one process. By a handle, since between looking and killing the number may become another's."""
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
    raise SuiteError(f"process {pid} ({name}), left by a dead run, does not end")
