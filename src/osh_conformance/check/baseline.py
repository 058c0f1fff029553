"""Writes a baseline: a file of deviations that expects every finding of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from osh_conformance.config import deviations
from osh_conformance.loading.files import write_whole
from osh_conformance.model.event import FindingsAccepted
from osh_conformance.model.finding import Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from osh_conformance.config.deviations import Deviation
    from osh_conformance.model.result import Check


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """A baseline that was written.

    - file: where.
    - entries: how many it has.
    - new, removed: how many of them are new, and how many stale ones left the file.
    - dormant: how many of the new ones expect what only a bump of the shipped references brings up.
    - accepted: the event that says what the file expects.
    """

    file: Path
    entries: int
    new: int
    removed: int
    dormant: int
    accepted: FindingsAccepted

    def __str__(self) -> str:
        """Return the sentence for the user."""
        if not self.entries:
            return f"wrote {self.file} without an entry: this run found nothing that fails"
        parts = [f"{self.new} new"]
        if self.dormant:
            parts.append(f"{self.dormant} of these for what a bump of the shipped tags would bring up")
        if kept := self.entries - self.new:
            parts.append(f"{kept} kept")
        if self.removed:
            parts.append(f"{self.removed} stale removed")
        return f"wrote {self.file}: {self.entries} {'entry' if self.entries == 1 else 'entries'} ({', '.join(parts)})"


def write(file: Path, checks: Iterable[Check], unneeded: Iterable[Deviation], known: Sequence[Deviation]) -> Baseline:
    """Write `file` so that it expects each finding of `checks` that fails, and return what was written.

    `known` are the entries of the former file: they keep their reasons, and those that are `unneeded` leave the
    file. Raises `UsageError` where the file cannot be written; it then stays as it was.
    """
    stale = {(entry.file, entry.line) for entry in unneeded}
    kept = [entry for entry in known if (entry.file, entry.line) not in stale]
    found = [finding for check in checks for finding in (*check.findings, *check.dormant)]
    failing = [finding for finding in found if finding.status is Status.FAIL and finding.rule]
    shown = [finding for finding in failing if not finding.dormant]
    entries = deviations.baseline((*shown, *(finding for finding in failing if finding.dormant)), kept)
    write_whole(file.resolve(), deviations.written(entries))
    return Baseline(
        file=file,
        entries=len(entries),
        new=len(entries) - len(kept),
        removed=len(known) - len(kept),
        dormant=sum(entry.dormant for entry in entries[len(kept) :]),
        accepted=FindingsAccepted(
            ids=frozenset(finding.id for finding in shown),
            reason=f"written to {file}",
            entries=frozenset((entry.file, entry.line) for entry in known),
        ),
    )
