"""The events of a run: the engines yield them, reporters listen to them. A report needs nothing else.

In order: one `RunStarted`; `ClusterOpened` in a live run; then `ResultFound`, `ErrorFound` and `CellFinished` in any
order; `ScenariosFinished` in a live run; then `NoteFound`, `FindingsAccepted`; last one `RunFinished`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from osh_conformance.model.finding import Finding, Status, Verdict
from osh_conformance.model.result import CellReport, Check, error_finding

if TYPE_CHECKING:
    from osh_conformance.errors import SuiteError


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened in a run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted(Event):
    """A run has begun.

    - target: what the user asked for, as the JSON document shows it; `verb` is `check` or `live`.
    - charts: how many charts the run checks.
    - shard: `I/N`, or None.
    - helm: the Helm majors of a live run as the user wrote them (`3,4`), or None.
    - left_out: why some charts of the PATH arguments are not checked, "" if all are.
    """

    target: Mapping[str, Any] = field(default_factory=dict)
    charts: int = 0
    shard: str | None = None
    helm: str | None = None
    left_out: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterOpened(Event):
    """A live run has its cluster. `kubernetes` is the server's version, such as `v1.34.0`."""

    kubernetes: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultFound(Event):
    """One rule has a result on one chart or one cell. `error` is the error finding that kept it from a verdict."""

    check: Check
    error: Finding | None = None

    @classmethod
    def of(
        cls, chart: str, verdict: Verdict, *, seconds: float = 0.0, cell: str = "", scenario: str = ""
    ) -> ResultFound:
        """Return the result of a rule that reached a verdict on the chart of that label; it took `seconds`."""
        check = Check(
            chart=chart,
            rule=verdict.rule,
            status=verdict.status,
            findings=verdict.findings,
            reason=verdict.reason,
            seconds=seconds,
            cell=cell,
            scenario=scenario,
        )
        return cls(check=check)

    @classmethod
    def broken(  # noqa: PLR0913  (where it broke, and how to see it again)
        cls, chart: str, rule: str, error: SuiteError, *, reproduce: str = "", cell: str = "", scenario: str = ""
    ) -> ResultFound:
        """Return the result of a rule that an error kept from a verdict."""
        check = Check(chart=chart, rule=rule, status=Status.ERROR, reason=error.message, cell=cell, scenario=scenario)
        return cls(check=check, error=error_finding(error, chart, reproduce))


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorFound(Event):
    """An error that belongs to no single rule: a chart that cannot be read, a cluster that does not start."""

    error: Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class CellFinished(Event):
    """A cell of the live matrix is done, or was left out."""

    cell: CellReport


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenariosFinished(Event):
    """All cells are done. `complete`: every scenario of the main group ran to its end on every cell."""

    complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteFound(Event):
    """A finding about an expectation, not about a chart: a deviation or opt-out that matches no finding."""

    note: Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingsAccepted(Event):
    """A new baseline expects the findings with these ids from now on.

    `entries` are the places (file, line) of the baseline's former entries: notes about them no longer count.
    """

    ids: frozenset[str]
    reason: str
    entries: frozenset[tuple[str, int | None]] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished(Event):
    """The run is over, after `seconds`."""

    seconds: float
    interrupted: bool = False
