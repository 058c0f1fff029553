"""Reads text files with a limit on their size, and writes them whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from pathlib import Path

from osh_conformance.errors import SuiteError, UsageError, cannot_write

#: The name of standard output, where a file can be named.
STANDARD_OUTPUT = Path("-")
#: Bytes: Helm's own limit for one file.
MAX_FILE = 5 * 1024 * 1024


def read_text(file: Path) -> str:
    """Read a file as UTF-8; raises `SuiteError` that names it, also if it is too large."""
    try:
        if not file.is_file():
            raise SuiteError(f"{file}: no file")
        with file.open("rb") as stream:
            data = stream.read(MAX_FILE + 1)
    except OSError as error:
        raise SuiteError(f"{file}: cannot be read: {error.strerror}") from error
    if len(data) > MAX_FILE:
        raise SuiteError(f"{file}: more than {MAX_FILE // 1024**2} MiB")
    return decode_text(data, str(file))


def ensure_folder(file: Path) -> bool:
    """Create the folder of a file that a user names, and return whether it was missing.

    Raises `UsageError` where more than this folder is missing: that is more likely a slip than a wish.
    """
    folder = file.parent
    if folder.is_dir():
        return False
    if not folder.parent.is_dir():
        raise UsageError(f"cannot write {file}: there is no folder {folder.parent}", fix=f"mkdir -p {folder}")
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot write {file}: {error.strerror}") from error
    return True


def write_whole(file: Path, text: str) -> None:
    """Write a file beside `file` and put it in its place, with the mode that it had.

    Raises `SuiteError`, and then leaves `file` as it was: also where it is read-only, although it could be replaced.
    """
    scratch = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        mode = check_not_read_only(file)
        scratch.write_text(text, encoding="utf-8")
        if mode is not None:
            scratch.chmod(mode)
        scratch.replace(file)
    except OSError as error:
        with contextlib.suppress(OSError):
            scratch.unlink()
        raise cannot_write(file, error) from error


def check_not_read_only(file: Path) -> int | None:
    """Return the mode of a file, None if it is not there; raises `PermissionError` if nobody may write it.

    The superuser may write every file, and a folder's owner may replace one.
    """
    try:
        mode = stat.S_IMODE(file.stat().st_mode)
    except FileNotFoundError:
        return None
    if not mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH):
        raise PermissionError(errno.EACCES, "it is read-only")
    return mode


def decode_text(data: bytes, where: str) -> str:
    """Decode UTF-8 without a byte order mark; raises `SuiteError` that names `where`."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SuiteError(
            f"{where}: not UTF-8 (byte {error.start})", expected="UTF-8, as Helm and Kubernetes do"
        ) from error
