"""A finding to repair, with what a repair may look at; and the texts of files, in which edits keep every other byte."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from osh_conformance.model.repair import Edit

if TYPE_CHECKING:
    from collections.abc import Callable

    from osh_conformance.model.chart import RenderedChart
    from osh_conformance.model.finding import Finding


class UncertainError(Exception):
    """No certain repair exists; the text says why, as the rest of a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The text of a file as it is on disk, a byte order mark and all line ends included.

    - path: relative to the chart.
    """

    path: str
    text: str

    def edit(self, start: int, end: int, new: str) -> Edit:
        """Return the edit that puts `new` in the place of the characters from `start` to `end`."""
        return Edit(
            path=self.path,
            start=len(self.text[:start].encode()),
            old=self.text[start:end].encode(),
            new=new.encode(),
        )

    def line_span(self, number: int) -> tuple[int, int]:
        """Return the offsets of a line (from 1), without its end."""
        start = 0
        for _ in range(number - 1):
            found = self.text.find("\n", start)
            if found < 0:
                raise UncertainError("the file has fewer lines than the finding says")
            start = found + 1
        end = self.text.find("\n", start)
        end = len(self.text) if end < 0 else end
        return start, end - (self.text[start:end].endswith("\r"))

    def line(self, number: int) -> str:
        """Return a line (from 1) without its end."""
        start, end = self.line_span(number)
        return self.text[start:end]

    def inserted_below(self, number: int, line: str) -> Edit:
        """Return the edit that inserts `line` below the line `number`, with the same line end."""
        _, end = self.line_span(number)
        after = self.text[end : end + 1]
        line_end = "\r\n" if after == "\r" or (not after and "\r\n" in self.text) else "\n"
        # In front of the old line end: a file without a final newline keeps having none.
        return self.edit(end, end, f"{line_end}{line}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A finding of the rule that a repair is for.

    - finding: the finding.
    - path: its file, relative to the chart.
    - alike: all findings of the rule that are to be repaired in this file, this one included.
    - chart: the chart as rules see it.
    - read: returns a file of the chart by its path; raises `UncertainError` for one that must not be changed.
    """

    finding: Finding
    path: str
    alike: tuple[Finding, ...]
    chart: RenderedChart
    read: Callable[[str], Source]

    @property
    def source(self) -> Source:
        """The file of the finding."""
        return self.read(self.path)
