"""Repairs of files: the edits with which `check --fix` removes findings."""

from __future__ import annotations

from dataclasses import dataclass

from osh_conformance.model.finding import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One change of one file. All other bytes of the file stay as they are.

    - path: the file, relative to the chart.
    - start: the offset in bytes at which `old` begins.
    - old: the bytes that are there, empty for an insertion.
    - new: the bytes that replace them.
    """

    path: str
    start: int
    old: bytes
    new: bytes

    @property
    def end(self) -> int:
        """The offset right behind `old`."""
        return self.start + len(self.old)

    def overlaps(self, other: Edit) -> bool:
        """Whether both change the same bytes, or insert at the same place."""
        if self.path != other.path:
            return False
        return self.start == other.start or (self.start < other.end and other.start < self.end)


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """The edits that remove findings of one rule.

    - findings: those that it removes; the edits are the same for all of them.
    - edits: at least one, and all of them together.
    - objects: whether it is in a template: then nothing may change but the objects of the findings.
    """

    findings: tuple[Finding, ...]
    edits: tuple[Edit, ...]
    objects: bool = False

    @property
    def rule(self) -> str:
        """The id of the rule."""
        return self.findings[0].rule
