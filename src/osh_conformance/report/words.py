"""Small texts that the outputs on the terminal share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.model.finding import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

_STATUSES = {Status.FAIL: "FAIL", Status.WARNING: "WARN", Status.ERROR: "ERROR", Status.EXPECTED: "XFAIL"}


def word(status: Status) -> str:
    """Return the word of a status in front of a line."""
    return _STATUSES.get(status, status.upper())


def some(names: Sequence[str], most: int) -> str:
    """Return the first names, and how many more there are."""
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


def plural(number: int, noun: str) -> str:
    """Return a number with its noun."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def clipped(text: str, width: int) -> str:
    """Return the beginning of a text that is longer than `width`, with an ellipsis."""
    return text if len(text) <= width else f"{text[: max(width - 1, 0)].rstrip()}…"
