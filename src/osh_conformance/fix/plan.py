"""Plans the repairs of one chart: proposed by rule, tried together on a rendering, and kept only where they hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from osh_conformance.check.engine import from_here
from osh_conformance.errors import SuiteError
from osh_conformance.fix.edited import edited
from osh_conformance.fix.folder import ChartFolder, FileChange
from osh_conformance.fix.judged import judged, objection
from osh_conformance.model.finding import Status
from osh_conformance.repairs.problem import Problem, UncertainError
from osh_conformance.repairs.registry import repairs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from osh_conformance.charts.target import ChartTarget
    from osh_conformance.check.engine import StaticEngine
    from osh_conformance.fix.judged import Judged
    from osh_conformance.model.chart import RenderedChart
    from osh_conformance.model.finding import Finding
    from osh_conformance.model.repair import Edit, Repair

#: One repair may make room for another one. More rounds than that are a mistake of ours.
_ROUNDS: Final = 10
_TO_REPAIR: Final = (Status.FAIL, Status.WARNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A finding that has no certain repair, the file that it is about, and the reason."""

    finding: Finding
    file: Path
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartPlan:
    """What `--fix` does with one chart.

    - repairs: those that are made.
    - refusals: the findings that stay, of rules that have a repair.
    - changes: the files that change.
    - unchecked: why the chart cannot be checked, None if it can. The run reports that itself.
    - broken: the error of a repair that broke; then nothing of the chart changes.
    """

    repairs: tuple[Repair, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    changes: tuple[FileChange, ...] = ()
    unchecked: SuiteError | None = None
    broken: SuiteError | None = None


def plan(engine: StaticEngine, target: ChartTarget) -> ChartPlan:
    """Plan the repairs of a chart, and write nothing. A chart that cannot be checked has none: the run reports it.

    Expected findings stay, and so do those of rules that the run does not check.
    """
    try:
        return _Planner(engine, target).plan() if _wanted(engine, target) else ChartPlan()
    except SuiteError as error:
        return ChartPlan(unchecked=from_here(error, target))
    except Exception as error:  # noqa: BLE001  (a mistake of ours must not end the repairs of other charts)
        broken = SuiteError(f"the repairs of {target.label} broke: {error!r}", fix="report it, with the chart")
        return ChartPlan(broken=broken)
    finally:
        engine.forget(target)


def _wanted(engine: StaticEngine, target: ChartTarget) -> list[Finding]:
    """Return the findings to repair."""
    rules = [rule for rule in engine.rules if rule in repairs()]
    verdicts = (engine.marked(target, rule) for rule in rules)
    return [finding for verdict in verdicts for finding in verdict.findings if finding.status in _TO_REPAIR]


@dataclass(slots=True)
class _Planner:
    engine: StaticEngine
    target: ChartTarget
    folder: ChartFolder = field(init=False)
    made: list[Repair] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.folder = ChartFolder(root=self.target.path)

    def plan(self) -> ChartPlan:
        refusals: list[Refusal] = []
        for _ in range(_ROUNDS):
            target = self.target
            if self.made:
                self.engine.forget(target)
                target = edited(target, self.folder.edited_so_far)
            findings = _wanted(self.engine, target)
            before = judged(self.engine, target)
            proposed, refusals = self._proposed(before.chart, findings)
            kept, more = self._holding(before, proposed)
            refusals += more
            if not kept:
                break
            self.folder.keep(self.folder.changed(_edits(kept)))
            self.made += kept
        return ChartPlan(repairs=tuple(self.made), refusals=tuple(refusals), changes=self.folder.changes())

    def _proposed(self, chart: RenderedChart, findings: Sequence[Finding]) -> tuple[list[Repair], list[Refusal]]:
        """Return the repairs that rules propose, each once and none over another one; and what has none."""
        found: list[Repair] = []
        refusals: list[Refusal] = []
        for finding in findings:
            if any(finding in repair.findings for repair in found):
                continue
            try:
                proposal = repairs()[finding.rule](self._problem(chart, finding, findings))
                self._check(proposal, found)
            except UncertainError as error:
                refusals.append(self._refusal(finding, str(error)))
            else:
                found.append(proposal)
        return found, refusals

    def _problem(self, chart: RenderedChart, finding: Finding, findings: Iterable[Finding]) -> Problem:
        if self.target.entry is not None and self.target.entry.source is not None:
            raise UncertainError("the chart is a copy of a commit")
        alike = (other for other in findings if (other.rule, other.path) == (finding.rule, finding.path))
        path = finding.paths_in_chart[-1]
        return Problem(finding=finding, path=path, alike=tuple(alike), chart=chart, read=self.folder.read)

    def _check(self, proposal: Repair, found: Iterable[Repair]) -> None:
        for edit in proposal.edits:
            self.folder.read(edit.path)
            for other in found:
                if any(edit.overlaps(known) for known in other.edits):
                    raise UncertainError(f"its edit overlaps that of {other.rule}")

    def _holding(self, before: Judged, proposed: Sequence[Repair]) -> tuple[list[Repair], list[Refusal]]:
        """Return those repairs that hold together. Where all of them do not, halves of them are tried."""
        kept: list[Repair] = []
        refusals: list[Refusal] = []
        waiting = [list(proposed)] if proposed else []
        while waiting:
            tried = waiting.pop(0)
            reason = self._objection(before, [*kept, *tried])
            if not reason:
                kept += tried
            elif len(tried) == 1:
                refusals += [self._refusal(finding, reason) for finding in tried[0].findings]
            else:
                middle = len(tried) // 2
                waiting = [tried[:middle], tried[middle:], *waiting]
        return kept, refusals

    def _refusal(self, finding: Finding, reason: str) -> Refusal:
        return Refusal(finding=finding, file=self.target.path / finding.paths_in_chart[-1], reason=reason)

    def _objection(self, before: Judged, together: Sequence[Repair]) -> str:
        try:
            content = self.folder.changed(_edits(together))
            self.engine.forget(self.target)
            after = judged(self.engine, edited(self.target, content))
        except UncertainError as error:
            return str(error)
        except SuiteError as error:
            return f"with the edit the chart does not render: {error.message.splitlines()[0]}"
        return objection(before, after, together)


def _edits(repairs_of: Iterable[Repair]) -> Iterator[Edit]:
    return (edit for repair in repairs_of for edit in repair.edits)
