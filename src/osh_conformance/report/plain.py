"""Text from charts is data: what a terminal, a log or a page would obey becomes visible, and does nothing."""

from __future__ import annotations

#: GitHub's runner obeys this anywhere in a line, and `::` only at its beginning, where no text of a chart stands.
_COMMAND, _NO_COMMAND = "##[", "#\\x23["


def plain(text: str) -> str:
    """Return the text on one line; control characters, line breaks and characters without a glyph are escaped."""
    if not text.isprintable():
        text = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
    return text.replace(_COMMAND, _NO_COMMAND)
