"""The events of a run. The engines yield them, and reporters need nothing else.

Their order:

1. one `RunStarted`
2. `ClusterOpened` in a live run
3. `ResultFound`, `ErrorFound` and `CellFinished`, in any order
4. `ScenariosFinished` in a live run
5. `NoteFound` and `FindingsAccepted`
6. one `RunFinished`
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from osh_conformance.model.finding import Finding, Status, Verdict
from osh_conformance.model.result import CellReport, ChartCoverage, Check, error_finding

if TYPE_CHECKING:
    from osh_conformance.errors import SuiteError


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An event of a run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted(Event):
    """A run has started.

    - target: the user's request, as in the JSON document. `verb` is `check`, `live` or `pytest`.
    - charts: the number of charts that the run checks.
    - shard: `I/N`, None if the run is not split.
    - helm: the Helm majors of a live run as the user wrote them (`3,4`), None for `check`.
    - left_out: why the run does not check some charts of the PATH arguments, "" if it checks all.
    - rule_pages: the address below which each rule has a page, "" without one.
    """

    target: Mapping[str, Any] = field(default_factory=dict)
    charts: int = 0
    shard: str | None = None
    helm: str | None = None
    left_out: str = ""
    rule_pages: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterOpened(Event):
    """A live run has its cluster.

    - kubernetes: the server's version, such as `v1.34.0`.
    - versions: those of other programs of the run, and the images of its own servers, by name.
    """

    kubernetes: str
    versions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultFound(Event):
    """One rule has a result on one chart or one cell.

    - error: the error that prevented a verdict, None without one.
    - coverage: what was seen of the chart. Only the first result of a chart has it.
    """

    check: Check
    error: Finding | None = None
    coverage: ChartCoverage | None = None

    @classmethod
    def of(
        cls, chart: str, verdict: Verdict, *, seconds: float = 0.0, cell: str = "", scenario: str = ""
    ) -> ResultFound:
        """Return the result of a rule with a verdict. `chart` is the chart's label; the check took `seconds`."""
        check = Check(
            chart=chart,
            rule=verdict.rule,
            status=verdict.status,
            findings=verdict.findings,
            dormant=verdict.dormant,
            reason=verdict.reason,
            seconds=seconds,
            cell=cell,
            scenario=scenario,
        )
        return cls(check=check)

    @classmethod
    def broken(  # noqa: PLR0913  (the place of the error, and how to reproduce it)
        cls, chart: str, rule: str, error: SuiteError, *, reproduce: str = "", cell: str = "", scenario: str = ""
    ) -> ResultFound:
        """Return the result of a rule that an error stopped. `chart` is the chart's label."""
        check = Check(chart=chart, rule=rule, status=Status.ERROR, reason=error.message, cell=cell, scenario=scenario)
        return cls(check=check, error=error_finding(error, chart, reproduce))


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorFound(Event):
    """An error that concerns no single rule, such as an unreadable chart or a cluster that does not start."""

    error: Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class CellFinished(Event):
    """A cell of the live matrix has finished, or was skipped."""

    cell: CellReport


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenariosFinished(Event):
    """All cells have finished. `complete`: every scenario of the main group ran to its end on every cell."""

    complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteFound(Event):
    """A finding about an expectation, not about a chart: a deviation or opt-out that matches no finding."""

    note: Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingsAccepted(Event):
    """A new baseline expects these findings from now on.

    - ids: the findings' ids.
    - reason: why the findings are expected.
    - entries: the places (file, line) of the baseline's former entries. Notes about them no longer count.
    """

    ids: frozenset[str]
    reason: str
    entries: frozenset[tuple[str, int | None]] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished(Event):
    """The run has ended after `seconds`. `interrupted`: the user stopped it."""

    seconds: float
    interrupted: bool = False
