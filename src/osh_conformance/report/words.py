"""Small texts that the outputs on the terminal share, and the width that they have."""

from __future__ import annotations

import contextlib
import os
from typing import TextIO

from osh_conformance.model.finding import Status

_STATUSES = {Status.FAIL: "FAIL", Status.WARNING: "WARN", Status.ERROR: "ERROR", Status.EXPECTED: "XFAIL"}


#: The width where nothing says it.
_WIDTH = 80


def word(status: Status) -> str:
    """Return the word of a status in front of a line."""
    return _STATUSES.get(status, status.upper())


def clipped(text: str, width: int) -> str:
    """Return the beginning of a text that is longer than `width`, with an ellipsis."""
    return text if len(text) <= width else f"{text[: max(width - 1, 0)].rstrip()}…"


def known_width(stream: TextIO) -> int | None:
    """Return the columns of a terminal, None for another stream; COLUMNS counts more, as in other programs."""
    if (given := os.environ.get("COLUMNS", "")).isdecimal() and int(given) > 0:
        return int(given)
    with contextlib.suppress(OSError, ValueError, AttributeError):
        return os.get_terminal_size(stream.fileno()).columns or None
    return None


def terminal_width(stream: TextIO) -> int:
    """Return the columns that a table may have: those of the terminal, or 80."""
    return known_width(stream) or _WIDTH
