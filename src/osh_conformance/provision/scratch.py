"""Scratch folders that exist while a process uses them; a lock shows `gc` whether one does."""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import secrets
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import filelock

from osh_conformance.errors import SuiteError
from osh_conformance.folders import SCRATCH_MARK
from osh_conformance.provision import leftovers

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The environment variable that names a process's scratch folder.
MARK = SCRATCH_MARK
_ELSEWHERE = "elsewhere"


@contextlib.contextmanager
def scratch(parent: Path, name: str) -> Iterator[Path]:
    """Create an empty folder below `parent` that only this user can read.

    It is removed afterwards, and processes that still use it are ended. Its lock is created before it.
    """
    parent.mkdir(parents=True, exist_ok=True)
    folder = parent / f"{name}-{secrets.token_hex(4)}"
    lock = _lock(folder)
    try:
        with lock:
            folder.mkdir(mode=0o700)
            try:
                yield folder
            finally:
                clear(folder)
    finally:
        Path(lock.lock_file).unlink(missing_ok=True)


@functools.cache
def hold_temporary_files(parent: Path) -> None:
    """Keep all temporary files of this process in one scratch folder, so that `gc` finds them if it is killed.

    Raises `SuiteError` if `parent` is not writable.
    """
    stack = contextlib.ExitStack()
    try:
        folder = stack.enter_context(scratch(parent, "tmp"))
    except OSError as error:
        raise SuiteError(
            f"{parent}: {error.strerror}",
            expected="a writable folder for the state of a run",
            fix="set XDG_STATE_HOME to a writable folder",
        ) from error
    tempfile.tempdir = str(folder)
    atexit.register(stack.close)


@contextlib.contextmanager
def abandoned(folder: Path) -> Iterator[bool]:
    """Yield whether a scratch folder has no owner any more; if so, the body holds its lock and may remove it."""
    lock = _lock(folder)
    try:
        with lock.acquire(timeout=0):
            yield True
    except filelock.Timeout:
        yield False
        return
    Path(lock.lock_file).unlink(missing_ok=True)


def note_elsewhere(folder: Path, what: str) -> None:
    """Record what the owner of a scratch folder creates where `gc` must not delete, as a text for the user."""
    (folder / _ELSEWHERE).write_text(what, encoding="utf-8")


def elsewhere(folder: Path) -> tuple[str, ...]:
    """Return the recorded text, if there is one."""
    try:
        return ((folder / _ELSEWHERE).read_text(encoding="utf-8"),)
    except FileNotFoundError:
        return ()


def clear(folder: Path) -> tuple[str, ...]:
    """End the processes that carry a scratch folder's mark, unmount their mounts, and remove it; one line each."""
    processes = [f"process {ended}" for ended in leftovers.end_marked(MARK, str(folder))]
    mounts = leftovers.unmount_below(folder)
    remove_tree(folder)
    return (*processes, *mounts, f"folder {folder}")


def remove_tree(folder: Path) -> None:
    """Remove a folder, with the read-only folders in it (module caches are read-only)."""
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except PermissionError:
        for path, _, _ in os.walk(folder):
            Path(path).chmod(0o700)
        shutil.rmtree(folder)


def _lock(folder: Path) -> filelock.FileLock:
    return filelock.FileLock(folder.with_name(folder.name + ".lock"))
