"""Makes text from charts harmless: a terminal or a CI log shows it, and obeys nothing in it.

Names, values and messages of templates come from whoever wrote the chart. An escape sequence could colour a failure
green or clear the screen, a line break could forge a line of the report, and a CI system obeys lines such as
`::error file=x::` (GitHub) and `##vso[` (Azure).
"""

from __future__ import annotations

import re

#: What GitHub and Azure obey: two colons at the beginning of a line, blanks before them aside; `##[` and `##word[`.
_COMMAND = re.compile(r"^(\s*)::|##(?=\w*\[)")


def plain(text: str) -> str:
    r"""Return `text` as one line of visible characters.

    Control characters, line breaks, and characters that are invisible or change the direction of writing become
    escapes as Python writes them (`\x1b`, `\n`, `\u202e`), and so does the first sign of what a CI system obeys.
    """
    visible = text if text.isprintable() else "".join(map(_visible, text))
    return _COMMAND.sub(_disarmed, visible)


def plain_lines(text: str) -> str:
    """Return a text of several lines, such as a message of ours with the output of a program, each line by `plain`."""
    return "\n".join(plain(line) for line in re.split(r"\r\n|\n|\r", text))


def _visible(character: str) -> str:
    return character if character.isprintable() else ascii(character)[1:-1]


def _disarmed(found: re.Match[str]) -> str:
    return r"\x23#" if found[1] is None else rf"{found[1]}\x3a:"
