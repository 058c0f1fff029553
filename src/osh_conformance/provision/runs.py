"""Runs that own a cluster: a folder and a lock each, so that a dead one is told from a living one."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import filelock

from osh_conformance.errors import SuiteError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from osh_conformance.folders import Folders

#: Docker labels on all that a run makes: its id, and the state folder that knows whether it lives.
RUN_LABEL = "osh-conformance.run"
STATE_LABEL = "osh-conformance.state"
KIND_LABEL = "io.x-k8s.kind.cluster"
#: In the environment of every process that a run starts.
RUN_MARK = "OSH_CONFORMANCE_RUN"
_PREFIX = "osh-conformance-"
_ID = re.compile(r"[a-z0-9]([-a-z0-9]{0,28}[a-z0-9])?")
_PATIENCE = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFolder:
    """A run's id and folder."""

    id: str
    folder: Path

    @property
    def cluster(self) -> str:
        """The name of its kind cluster, and of its Docker network."""
        return _PREFIX + self.id

    @property
    def kept(self) -> Mapping[str, Any] | None:
        """What was noted when `--keep` left this run's cluster; None for any other run."""
        try:
            noted: Mapping[str, Any] = json.loads((self.folder / "kept.json").read_text())
        except (FileNotFoundError, ValueError):
            return None
        return noted

    def keep(self, noted: Mapping[str, Any]) -> None:
        """Note that this run's cluster stays."""
        new = self.folder / "kept.json.new"
        new.write_text(json.dumps(noted, indent=1))
        new.rename(self.folder / "kept.json")


def store_volume(folders: Folders) -> str:
    """The Docker volume in which the registries of all runs of this user keep what was pushed."""
    return _PREFIX + "store-" + hashlib.sha256(str(folders.state).encode()).hexdigest()[:8]


def at(folders: Folders, run_id: str) -> RunFolder:
    """The run of this id; raises `UsageError` for an id that cannot be part of a host name."""
    if not _ID.fullmatch(run_id):
        raise UsageError(f"run id `{run_id}`", expected="at most 30 lower-case letters, digits and inner hyphens")
    return RunFolder(id=run_id, folder=folders.runs / run_id)


def known(folders: Folders) -> tuple[RunFolder, ...]:
    """All runs that have a folder."""
    if not folders.runs.is_dir():
        return ()
    found = sorted(path for path in folders.runs.iterdir() if path.is_dir() and _ID.fullmatch(path.name))
    return tuple(RunFolder(id=path.name, folder=path) for path in found)


@contextlib.contextmanager
def own(folders: Folders, run: RunFolder) -> Iterator[None]:
    """Make the run's folder and hold its lock; raises `SuiteError` if another run has this id."""
    with registered(folders):
        try:
            run.folder.mkdir(parents=True)
        except FileExistsError:
            raise SuiteError(f"there is a run {run.id} already", fix="another run id, or: osh-conformance gc") from None
        held = _lock(run)
    if held is None:
        raise SuiteError(f"another process holds {run.folder}/owner.lock")
    with _holding(held):
        yield


@contextlib.contextmanager
def claim(folders: Folders, run: RunFolder) -> Iterator[bool]:
    """Take over a run whose owner is gone; False: its owner lives."""
    with registered(folders):
        held = _lock(run) if run.folder.is_dir() else None
    if held is None:
        # Without a folder nobody can hold a lock in it.
        yield not run.folder.is_dir()
        return
    with _holding(held):
        yield True


@contextlib.contextmanager
def registered(folders: Folders) -> Iterator[None]:
    """Between making a run's folder and locking it, nobody may look for dead runs."""
    folders.runs.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(folders.runs / ".lock", timeout=_PATIENCE):
        yield


@contextlib.contextmanager
def marked(run: RunFolder) -> Iterator[None]:
    """Let every process that starts within the body carry the run's id, so that `gc` can find it."""
    before = os.environ.get(RUN_MARK)
    os.environ[RUN_MARK] = run.id
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(RUN_MARK, None)
        else:
            os.environ[RUN_MARK] = before


def _lock(run: RunFolder) -> int | None:
    # flock, since it ends with the process, however that ends; a process id may be somebody else's by then.
    held = os.open(run.folder / "owner.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(held)
        return None
    return held


@contextlib.contextmanager
def _holding(held: int) -> Iterator[None]:
    try:
        yield
    finally:
        os.close(held)
