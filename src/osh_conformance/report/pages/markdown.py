"""Small parts of Markdown for generated pages."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING

from osh_conformance.report.markup import code
from osh_conformance.report.rule_help import page_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_WIDTH = 120
#: Lines with these beginnings keep their length: tables, headings, and items that quote a line of a log.
_KEPT = ("|", "#", "- **")


def one_line(text: str) -> str:
    """Return a text on one line, in which nothing is read as HTML."""
    parts = " ".join(text.split()).split("`")
    return "`".join(part if number % 2 else part.replace("<", "&lt;") for number, part in enumerate(parts))


def with_evidence(sentence: str, evidence: str) -> str:
    """Return a sentence, and the line that proves it as code behind it."""
    return f"{one_line(sentence)}: {code(evidence)}" if evidence else one_line(sentence)


def rule(name: str) -> str:
    """Return a link to the page of a rule, from docs/."""
    return f"[{name}](rules/{page_name(name)})"


def anchor(heading: str) -> str:
    """Return the anchor that Git forges give a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table; its cells are Markdown on one line each."""
    yield _row(head)
    yield _row(["---"] * len(head))
    for row in rows:
        yield _row([cell.replace("|", "\\|") for cell in row])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def wrapped(text: str) -> str:
    """Return a page whose paragraphs are wrapped, but not its tables, headings and code; it ends with a line break."""
    lines: list[str] = []
    fenced = False
    for line in text.splitlines():
        fence = line.startswith("```")
        fenced ^= fence
        if fenced or fence or line.startswith(_KEPT) or not line:
            lines.append(line)
        else:
            indent = "  " if line.startswith(("- ", "  ")) else ""
            lines += textwrap.wrap(
                line, _WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
            )
    return "\n".join(lines).rstrip() + "\n"
