"""Writes a baseline: a file of deviations that expects every finding of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.config import deviations
from osh_conformance.errors import UsageError
from osh_conformance.model.event import FindingsAccepted
from osh_conformance.model.finding import Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from osh_conformance.config.deviations import Deviation
    from osh_conformance.model.finding import Finding


def write(
    file: Path, findings: Iterable[Finding], notes: Iterable[Finding], known: Sequence[Deviation]
) -> FindingsAccepted:
    """Write `file` so that it expects each finding that fails, and return the event that says so.

    `known` are the entries of the former file: they keep their reasons, and those that `notes` call stale leave the
    file. Raises `UsageError` where the file cannot be written.
    """
    stale = {(note.path, note.line) for note in notes}
    kept = [entry for entry in known if (entry.file, entry.line) not in stale]
    failing = [finding for finding in findings if finding.status is Status.FAIL and finding.rule]
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(deviations.baseline(failing, kept), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {file}: {error.strerror}") from error
    return FindingsAccepted(
        ids=frozenset(finding.id for finding in failing),
        reason=f"written to {file}",
        entries=frozenset((entry.file, entry.line) for entry in known),
    )
