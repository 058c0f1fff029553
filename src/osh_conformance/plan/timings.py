"""How long pairs took in past runs on this machine: what `plan` counts with."""

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
#: Seconds of a pair on two cores, where nothing was ever run here.
_UNKNOWN = 45.0


def note(folders: Folders, seconds: Mapping[str, float]) -> None:
    """Add what pairs took, by id; the last few times of each are kept."""
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
    """Seconds by pair, newest last; empty where there is no file, or one that cannot be understood."""
    try:
        return msgspec.json.decode(_file(folders).read_bytes(), type=dict[str, list[float]])
    except (OSError, msgspec.MsgspecError):
        return {}


def expected(known: Mapping[str, list[float]], pair: str, alike: Iterable[str]) -> tuple[float, bool]:
    """Seconds that a pair will take, and whether that pair was ever run: else as long as pairs `alike` did."""
    if known.get(pair):
        return statistics.median(known[pair]), True
    others = [statistics.median(known[name]) for name in alike if known.get(name)]
    return (statistics.median(others) if others else _UNKNOWN), False


def _file(folders: Folders) -> Path:
    return folders.state / _FILE
