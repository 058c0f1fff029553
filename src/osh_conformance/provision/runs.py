"""Runs that own a cluster: each has a folder and a lock, which shows whether the run is alive."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import filelock

from osh_conformance.errors import SuiteError, UsageError
from osh_conformance.loading.suggest import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from osh_conformance.folders import Folders

#: Docker labels on everything that a run creates: its id, and the state folder with its lock.
RUN_LABEL = "osh-conformance.run"
STATE_LABEL = "osh-conformance.state"
KIND_LABEL = "io.x-k8s.kind.cluster"
#: The environment variable that every process of a run carries.
RUN_MARK = "OSH_CONFORMANCE_RUN"
_PREFIX = "osh-conformance-"
#: With it, the names of a cluster's nodes are no longer than a host name may be.
_LONGEST = 30
_ID = re.compile(r"[a-z0-9]([-a-z0-9]{0,28}[a-z0-9])?")
#: How the id of a run begins whose cluster has a name; the ids of others are numbers.
_NAMED = "kept-"
_PATIENCE = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFolder:
    """The id and folder of a run."""

    id: str
    folder: Path

    @property
    def cluster(self) -> str:
        """The name of the run's kind cluster and Docker network."""
        return _PREFIX + self.id

    @property
    def name(self) -> str:
        """The name under which this run's cluster is kept, "" if it has none."""
        return self.id.removeprefix(_NAMED) if self.id.startswith(_NAMED) else ""

    @property
    def keep_option(self) -> str:
        """The option with which this run's cluster is kept."""
        return f"--keep={self.name}" if self.name else "--keep"

    @property
    def remove_command(self) -> str:
        """The command that removes this run's cluster, if it is kept."""
        return f"osh-conformance gc --kept {self.name}".strip()

    @property
    def kept(self) -> Mapping[str, Any] | None:
        """The settings of this run's cluster if `--keep` left it running; None for any other run."""
        try:
            settings: Mapping[str, Any] = json.loads((self.folder / "kept.json").read_text())
        except (FileNotFoundError, ValueError):
            return None
        return settings

    def keep(self, settings: Mapping[str, Any]) -> None:
        """Record that this run's cluster stays, with the settings it was created with."""
        new = self.folder / "kept.json.new"
        new.write_text(json.dumps(settings, indent=1))
        new.rename(self.folder / "kept.json")


def store_volume(folders: Folders) -> str:
    """Return the Docker volume in which the registries of all runs of this user store pushed images."""
    return _PREFIX + "store-" + hashlib.sha256(str(folders.state).encode()).hexdigest()[:8]


def at(folders: Folders, run_id: str) -> RunFolder:
    """Return the run of this id; raises `UsageError` for an id that cannot be part of a host name."""
    if not _ID.fullmatch(run_id):
        raise UsageError(
            f"run id `{run_id}` is not valid",
            expected=f"at most {_LONGEST} lower-case letters, digits and inner hyphens",
        )
    return RunFolder(id=run_id, folder=folders.runs / run_id)


def named(folders: Folders, name: str) -> RunFolder:
    """Return the run whose cluster has this name; raises `UsageError` for a name that no cluster can have."""
    check_name(name)
    return at(folders, _NAMED + name)


def kept_as(folders: Folders, name: str) -> RunFolder:
    """Return the run whose cluster is kept under this name; raises `UsageError` if there is none."""
    run = named(folders, name)
    if run.kept is None:
        names = [each.name for each in known(folders) if each.name and each.kept is not None]
        raise UsageError(
            f"no cluster is kept as {name}{did_you_mean(name, names)}",
            expected=", ".join(names) or "a name of a kept cluster; none has one",
        )
    return run


def check_name(name: str) -> None:
    """Raise `UsageError` for a name that no kept cluster can have: it is a part of host names."""
    longest = _LONGEST - len(_NAMED)
    if not _ID.fullmatch(name) or len(name) > longest:
        raise UsageError(
            f"a cluster cannot be kept as `{name}`",
            expected=f"at most {longest} lower-case letters, digits and inner hyphens",
        )


def known(folders: Folders) -> tuple[RunFolder, ...]:
    """Return all runs that have a folder."""
    if not folders.runs.is_dir():
        return ()
    found = sorted(path for path in folders.runs.iterdir() if path.is_dir() and _ID.fullmatch(path.name))
    return tuple(RunFolder(id=path.name, folder=path) for path in found)


@contextlib.contextmanager
def own(folders: Folders, run: RunFolder) -> Iterator[None]:
    """Create the run's folder and hold its lock; raises `SuiteError` if another run has this id."""
    with registered(folders):
        try:
            run.folder.mkdir(parents=True)
        except FileExistsError:
            if run.name:
                raise in_use(run) from None
            raise SuiteError(
                f"run {run.id} already exists", fix="choose another run id, or run: osh-conformance gc"
            ) from None
        lock = _lock(run)
    if lock is None:
        raise SuiteError(f"another process holds the lock {run.folder}/owner.lock")
    with _holding(lock):
        yield


def in_use(run: RunFolder) -> SuiteError:
    """Return the error of a run that needs a cluster which another run uses under its name."""
    return SuiteError(
        f"another run uses the cluster kept as {run.name}",
        fix="wait until it has ended, or use another name: --keep=NAME",
    )


@contextlib.contextmanager
def claim(folders: Folders, run: RunFolder) -> Iterator[bool]:
    """Take over a run whose owner is dead; yields False if its owner is alive."""
    with registered(folders):
        lock = _lock(run) if run.folder.is_dir() else None
    if lock is None:
        # Without a folder there is no lock, so there is no owner.
        yield not run.folder.is_dir()
        return
    with _holding(lock):
        yield True


@contextlib.contextmanager
def registered(folders: Folders) -> Iterator[None]:
    """Keep other processes from looking for dead runs between creating a run's folder and locking it."""
    folders.runs.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(folders.runs / ".lock", timeout=_PATIENCE):
        yield


@contextlib.contextmanager
def marked(run: RunFolder) -> Iterator[None]:
    """Mark every process that starts within the body with the run's id, so that `gc` finds it."""
    before = os.environ.get(RUN_MARK)
    os.environ[RUN_MARK] = run.id
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(RUN_MARK, None)
        else:
            os.environ[RUN_MARK] = before


def _lock(run: RunFolder) -> filelock.FileLock | None:
    # The operating system releases the lock when the process ends, however it ends; a process id may be reused.
    lock = filelock.FileLock(run.folder / "owner.lock", mode=0o600)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        return None
    return lock


@contextlib.contextmanager
def _holding(lock: filelock.FileLock) -> Iterator[None]:
    try:
        yield
    finally:
        lock.release()
