"""Records how long cell runs take on this machine, for the estimates of `plan`."""

from __future__ import annotations

import json
import statistics
from typing import TYPE_CHECKING

import filelock
import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from osh_conformance.folders import Folders

_FILE = "timings.json"
_KEPT = 5
_LOCK = 10.0
#: Seconds of a cell run on two cores, for a machine without past runs.
_UNKNOWN = 45.0


def note(folders: Folders, seconds: Mapping[str, float]) -> None:
    """Add the seconds of cell runs, by id; keep the last few of each."""
    if not seconds:
        return
    file = _file(folders)
    file.parent.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(file.with_suffix(".lock"), timeout=_LOCK):
        known = read(folders)
        merged = {**known, **{name: [*known.get(name, ()), round(took, 1)][-_KEPT:] for name, took in seconds.items()}}
        scratch = file.with_suffix(".new")
        scratch.write_text(json.dumps(merged, indent=1, sort_keys=True))
        scratch.replace(file)


def read(folders: Folders) -> dict[str, list[float]]:
    """Return the seconds by cell run, newest last; empty without a file, or for a file that does not parse."""
    try:
        return msgspec.json.decode(_file(folders).read_bytes(), type=dict[str, list[float]])
    except (OSError, msgspec.MsgspecError):
        return {}


def expected(known: Mapping[str, list[float]], cell_run: str, alike: Iterable[str]) -> tuple[float, bool]:
    """Return the seconds that a cell run will take, and whether it ran before; otherwise those of cell runs `alike`."""
    if known.get(cell_run):
        return statistics.median(known[cell_run]), True
    others = [statistics.median(known[name]) for name in alike if known.get(name)]
    return (statistics.median(others) if others else _UNKNOWN), False


def _file(folders: Folders) -> Path:
    return folders.state / _FILE
