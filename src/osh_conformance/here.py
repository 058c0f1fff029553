"""Paths as people read and click them: relative to the working directory."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def root() -> str:
    """Return the working directory, to which the paths of findings are relative; "" where it is gone."""
    try:
        return os.getcwd()  # noqa: PTH109  (a text, and no error of its own)
    except OSError:
        return ""


def from_here(path: Path) -> str:
    """Return a path relative to the working directory: `.` for that directory itself.

    An absolute path that leads out of the working directory stays absolute, and a relative one keeps its `..`.
    """
    here = root()
    if not here:
        return str(path)
    relative = os.path.relpath(path, here)
    outside = relative == os.pardir or relative.startswith(f"{os.pardir}{os.sep}")
    return os.path.normpath(path) if path.is_absolute() and outside else relative


def folder_from_here(path: Path) -> str:
    """Return what leads from the working directory to what is in `path`: "" or a text that ends in `/`."""
    shown = from_here(path).replace(os.sep, "/")
    return "" if shown == "." else f"{shown.rstrip('/')}/"
