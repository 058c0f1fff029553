"""Folders for as long as somebody works in them, with a lock by which `gc` sees whether somebody does."""

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
from osh_conformance.provision import leftovers

if TYPE_CHECKING:
    from collections.abc import Iterator

#: In the environment of processes that work in a scratch folder: its path.
MARK = "OSH_CONFORMANCE_SCRATCH"
_ELSEWHERE = "elsewhere"


@contextlib.contextmanager
def scratch(parent: Path, name: str) -> Iterator[Path]:
    """A new empty folder below `parent`, for this user alone, removed afterwards with all that still works in it.

    Its lock is there before it.
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
    """Let all temporary files of this process lie in a scratch folder until it ends: `gc` finds those of a killed one.

    Raises `SuiteError` where nothing can be written below `parent`.
    """
    stack = contextlib.ExitStack()
    try:
        folder = stack.enter_context(scratch(parent, "tmp"))
    except OSError as error:
        raise SuiteError(
            f"{parent}: {error.strerror}",
            expected="a folder for the state of a run",
            fix="set XDG_STATE_HOME to a folder that can be written",
        ) from error
    tempfile.tempdir = str(folder)
    atexit.register(stack.close)


@contextlib.contextmanager
def abandoned(folder: Path) -> Iterator[bool]:
    """Whether nobody works in a scratch folder any more; if so, it is the caller's for the body, to remove it."""
    lock = _lock(folder)
    try:
        with lock.acquire(timeout=0):
            yield True
    except filelock.Timeout:
        yield False
        return
    Path(lock.lock_file).unlink(missing_ok=True)


def note_elsewhere(folder: Path, what: str) -> None:
    """Note what the owner of a scratch folder makes where `gc` may not look, in words for whoever may."""
    (folder / _ELSEWHERE).write_text(what, encoding="utf-8")


def elsewhere(folder: Path) -> tuple[str, ...]:
    """What was noted."""
    try:
        return ((folder / _ELSEWHERE).read_text(encoding="utf-8"),)
    except FileNotFoundError:
        return ()


def clear(folder: Path) -> tuple[str, ...]:
    """Remove a scratch folder, after the processes that carry its mark and what they mounted; tell what."""
    ended = [f"process {told}" for told in leftovers.end_marked(MARK, str(folder))]
    mounts = leftovers.unmount_below(folder)
    remove_tree(folder)
    return (*ended, *mounts, f"folder {folder}")


def remove_tree(folder: Path) -> None:
    """Remove a folder, read-only ones in it too (module caches are)."""
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
