"""Whether and how the terminal has colours."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TextIO

_COLOURS = {"FAIL": "31", "WARN": "33", "ERROR": "35"}
_WORD = re.compile(rf"^({'|'.join(_COLOURS)})(?= )")


def wanted(stream: TextIO, environment: Mapping[str, str] | None = None) -> bool:
    """Return whether to print colours to `stream`.

    By the conventions of no-color.org (NO_COLOR, not empty), force-color.org (FORCE_COLOR, not empty) and
    bixense.com/clicolors (CLICOLOR_FORCE other than 0; CLICOLOR=0), in this order; else on terminals that have colours.
    """
    environment = os.environ if environment is None else environment
    if environment.get("NO_COLOR"):
        return False
    if environment.get("FORCE_COLOR") or environment.get("CLICOLOR_FORCE", "0") not in {"", "0"}:
        return True
    if environment.get("CLICOLOR") == "0" or environment.get("TERM") == "dumb":
        return False
    return stream.isatty()


def painted(line: str) -> str:
    """Return a line whose first word, if it is the word of a status, has its colour."""
    return _WORD.sub(lambda found: f"\033[1;{_COLOURS[found[1]]}m{found[1]}\033[0m", line)
