"""Temporary folders of runs that have no scratch folder: a lock in each shows `gc` whether its process lives.

The operating system removes the lock when the process ends, however it ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

#: How the folders begin in which charts are rendered.
RENDER = "osh-conformance-render-"
_OWNER = "owner"


def hold(folder: Path) -> IO[bytes]:
    """Lock a folder for this process as long as the returned file is open."""
    # Locked before it has its name: `gc` sees no lock that nobody holds yet.
    unnamed = folder / f".{_OWNER}"
    file = unnamed.open("wb")
    fcntl.flock(file, fcntl.LOCK_EX)
    unnamed.rename(folder / _OWNER)
    return file


def remove_abandoned(parent: Path | None = None) -> Iterator[str]:
    """Remove the folders of this user whose process has ended; yield a line for each."""
    for folder in sorted((parent or Path(tempfile.gettempdir())).glob(f"{RENDER}*")):
        if _is_ours(folder) and _is_abandoned(folder):
            shutil.rmtree(folder)
            yield f"folder {folder}"


def _is_ours(folder: Path) -> bool:
    with contextlib.suppress(OSError):
        return folder.is_dir() and not folder.is_symlink() and folder.lstat().st_uid == os.getuid()
    return False


def _is_abandoned(folder: Path) -> bool:
    """Return whether nobody holds the lock. A folder without one has only just been made."""
    try:
        with (folder / _OWNER).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
