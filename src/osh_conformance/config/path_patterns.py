"""Patterns of paths, of charts and files that a project excludes or grades in its own way."""

from __future__ import annotations

import fnmatch
import glob
import posixpath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_ANY_DEPTH = "**/"


def absolute(folder: Path, pattern: str) -> str:
    """Return the pattern that a user wrote relative to `folder`, as an absolute one."""
    if pattern.startswith("/"):
        return posixpath.normpath(pattern)
    return posixpath.normpath(posixpath.join(glob.escape(str(folder.resolve())), pattern))


def matches(path: str, patterns: Iterable[str]) -> bool:
    """Whether an absolute path, or a folder around it, fits one of the absolute patterns.

    `*` and `?` also stand for a slash, and `**/` for no folder as well.
    """
    return any(_fits(path, pattern) for pattern in patterns)


def _fits(path: str, pattern: str) -> bool:
    forms = (pattern, pattern.replace(_ANY_DEPTH, "")) if _ANY_DEPTH in pattern else (pattern,)
    return any(fnmatch.fnmatchcase(path, form) or fnmatch.fnmatchcase(path, f"{form}/*") for form in forms)
