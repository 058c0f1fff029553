"""The file for the report of a bug of this program."""

from __future__ import annotations

import contextlib
import os
import platform
import shlex
import tempfile
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from osh_conformance import __version__
from osh_conformance.folders import default_folders, write_private
from osh_conformance.plain import plain, plain_lines

if TYPE_CHECKING:
    from collections.abc import Sequence


def text(error: Exception, words: Sequence[str]) -> str:
    """Return the report: versions, the command and the traceback."""
    return "\n".join(
        (
            f"osh-conformance {__version__}, Python {platform.python_version()}, {platform.platform()}",
            f"command: {plain(shlex.join(('osh-conformance', *words)))}",
            "",
            plain_lines("".join(traceback.format_exception(error)).rstrip()),
            "",
        )
    )


def written(report: str) -> Path | None:
    """Write a report where only this user reads it; return the file, None where nothing can be written."""
    name = f"osh-conformance-bug-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.txt"
    for folder in (_state, _temporary):
        with contextlib.suppress(OSError, RuntimeError):
            place = folder()
            place.mkdir(parents=True, exist_ok=True)
            return write_private(place / name, report)
    return None


def _state() -> Path:
    return default_folders().state / "bugs"


def _temporary() -> Path:
    return Path(tempfile.gettempdir())
