"""Text as Markdown that no reader takes for anything but text."""

from __future__ import annotations

import re

from osh_conformance.plain import plain


def code(text: str) -> str:
    """Return `text` as code on one line, "" for an empty one; backticks in it are kept."""
    shown = plain(" ".join(text.split()))
    if not shown:
        return ""
    fence = "`" * (max(map(len, re.findall("`+", shown)), default=0) + 1)
    space = " " if shown[0] == "`" or shown[-1] == "`" else ""
    return f"{fence}{space}{shown}{space}{fence}"


def fenced(text: str, language: str) -> str:
    """Return lines of text as a block of code, in which backticks are kept."""
    fence = "`" * max(3, max(map(len, re.findall("`+", text)), default=0) + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"
