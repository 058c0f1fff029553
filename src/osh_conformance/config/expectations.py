"""What is expected of a run: the deviations of its files and the opt-outs of its charts, held against its verdicts."""

from __future__ import annotations

import fnmatch
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from osh_conformance.config import deviations, optouts
from osh_conformance.config.deviations import Entries
from osh_conformance.errors import SuiteError
from osh_conformance.model.finding import Finding, Severity, Status, Verdict
from osh_conformance.rules import registry

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from osh_conformance.charts.target import ChartTarget
    from osh_conformance.config.deviations import Deviation
    from osh_conformance.config.optouts import OptOut

_JUDGED = frozenset({Status.PASS, Status.FAIL, Status.EXPECTED})


class Expectations:
    """Turns findings that are expected into such, and knows afterwards which entries matched nothing."""

    def __init__(self, entries: Iterable[Deviation] = (), today: date | None = None) -> None:
        """Take the deviations; the opt-outs of a chart are read when it is judged."""
        self.deviations = Entries(entries)
        self._today = today or date.today()  # noqa: DTZ011  (an expiry is a day where its reader is)
        self._opt_outs: dict[Path, tuple[OptOut, ...]] = {}
        self._others: dict[tuple[Path, str], tuple[OptOut, ...]] = {}

    @classmethod
    def of_files(cls, files: Iterable[Path | str]) -> Expectations:
        """Read files of deviations; raises `UsageError` for one that is none."""
        return cls(entry for file in files for entry in deviations.read(Path(file)))

    def applied(self, verdict: Verdict, subject: ChartTarget) -> Verdict:
        """Return `verdict` with its expected findings marked; it is expected if nothing else speaks against the chart.

        Raises `SuiteError` for an opt-out of this rule, or of none that is known, that is not written as it must be.
        """
        self._check_opt_outs(verdict.rule, subject)
        if not verdict.findings:
            return verdict
        findings = tuple(self._marked(_placed(finding, subject), subject) for finding in verdict.findings)
        return outcome_of(replace(verdict, findings=findings))

    def applied_live(self, verdict: Verdict) -> Verdict:
        """Return a verdict of a cluster, as `applied` does; opt-outs are no part of it: they speak of what renders."""
        if not verdict.findings:
            return verdict
        findings = tuple(
            self._deviating(finding) if finding.status in (Status.FAIL, Status.WARNING) else finding
            for finding in verdict.findings
        )
        return outcome_of(replace(verdict, findings=findings))

    def stale(
        self, judged: Mapping[str, Sequence[Verdict]], subjects: Sequence[ChartTarget], *, cluster: bool = False
    ) -> tuple[Finding, ...]:
        """Return a warning for each entry that matched no finding although all that it speaks of was judged.

        `judged` holds the verdicts by the label of each subject; a rule that was not asked is not in it. `cluster` says
        whether every scenario was run on one: an entry that may speak of what shows there only is not stale without.
        """
        found = (finding for verdicts in judged.values() for verdict in verdicts for finding in verdict.findings)
        needed = {entry for finding in found for entry in self.deviations.matching(finding)}
        stale = [
            _stale_deviation(entry)
            for entry in self.deviations.all
            if entry not in needed and (cluster or not _may_be_live(entry)) and _was_asked(entry, judged, subjects)
        ]
        for subject in subjects:
            rules = {verdict.rule for verdict in judged.get(subject.label, ()) if verdict.status in _JUDGED}
            if not rules:
                continue
            own = [finding for verdict in judged[subject.label] for finding in verdict.findings]
            stale += [
                _stale_opt_out(entry, subject)
                for entry in self._of(subject)
                if entry.rule in rules and not entry.problem and not any(entry.matches(finding) for finding in own)
            ]
        return tuple(stale)

    def _check_opt_outs(self, rule: str, subject: ChartTarget) -> None:
        for entry in self._of(subject):
            if entry.problem and entry.rule in ("", rule):
                raise SuiteError(
                    f"{subject.folder}{entry.path}:{entry.line}: {entry.problem}", expected=f"`{optouts.FORM}`"
                )

    def _of(self, subject: ChartTarget) -> tuple[OptOut, ...]:
        if subject.path not in self._opt_outs:
            self._opt_outs[subject.path] = optouts.read(subject.path)
        return self._opt_outs[subject.path]

    def _beside(self, subject: ChartTarget, finding: Finding) -> tuple[OptOut, ...]:
        """Those of a values override that lies outside of the chart, if it is what the finding is about."""
        path = finding.path_in_chart
        if not path.startswith("../") or subject.path.is_file():
            return ()
        if (subject.path, path) not in self._others:
            self._others[subject.path, path] = optouts.read_beside(subject.path, path)
        return self._others[subject.path, path]

    def _marked(self, finding: Finding, subject: ChartTarget) -> Finding:
        if finding.status not in (Status.FAIL, Status.WARNING):
            return finding
        for opt_out in (*self._of(subject), *self._beside(subject, finding)):
            if opt_out.matches(finding):
                reason = f"{opt_out.reason} ({finding.path}:{opt_out.line})"
                return replace(finding, status=Status.EXPECTED, reason=reason)
        return self._deviating(finding)

    def _deviating(self, finding: Finding) -> Finding:
        lapsed = ""
        for entry in self.deviations.matching(finding):
            if not entry.expired(self._today):
                return replace(finding, status=Status.EXPECTED, reason=f"{entry.reason} ({entry.file})")
            lapsed = f"{entry.place} expected this until {entry.expires}: {entry.reason}"
        return replace(finding, reason=lapsed)


def outcome_of(verdict: Verdict) -> Verdict:
    """Return `verdict` as `expected` where it failed and each finding that made it fail is expected."""
    statuses = {finding.status for finding in verdict.findings}
    if verdict.status is not Status.FAIL or Status.FAIL in statuses or Status.EXPECTED not in statuses:
        return verdict
    reasons = dict.fromkeys(finding.reason for finding in verdict.findings if finding.status is Status.EXPECTED)
    return replace(verdict, status=Status.EXPECTED, reason="; ".join(reasons))


def _placed(finding: Finding, subject: ChartTarget) -> Finding:
    """Say which part of the path leads to the chart, and which chart it is where several have its name."""
    return replace(finding, folder=subject.folder, subject="" if subject.label == subject.name else subject.label)


def _may_be_live(entry: Deviation) -> bool:
    """Whether `entry` may speak of what a cluster shows: findings from there have no path."""
    return entry.rule in registry.live_rules() and fnmatch.fnmatchcase("", entry.path)


def _was_asked(entry: Deviation, judged: Mapping[str, Sequence[Verdict]], subjects: Sequence[ChartTarget]) -> bool:
    """Whether this run would have found what `entry` expects.

    A pattern may be meant for charts that this run has not seen: it counts only where a whole tree was judged.
    """
    if not entry.one_chart and len(subjects) < 2:  # noqa: PLR2004
        return False
    meant = [subject for subject in subjects if entry.speaks_of(subject.name)]
    return bool(meant) and all(
        any(verdict.rule == entry.rule and verdict.status in _JUDGED for verdict in judged.get(subject.label, ()))
        for subject in meant
    )


def _stale_deviation(entry: Deviation) -> Finding:
    return _stale(
        entry.rule,
        "" if not entry.one_chart else entry.chart,
        entry.file,
        entry.line,
        f"a deviation that matches no finding: {entry.reason}",
    )


def _stale_opt_out(entry: OptOut, subject: ChartTarget) -> Finding:
    found = f"an opt-out that matches no finding: {entry.reason}"
    return _stale(entry.rule, subject.name, subject.folder + entry.path, entry.line, found)


def _stale(rule: str, chart: str, path: str, line: int | None, found: str) -> Finding:
    return Finding(
        rule=rule,
        chart=chart,
        path=path,
        line=line,
        severity=Severity.WARNING,
        status=Status.WARNING,
        found=found,
        expected="what is expected happens",
        why="an entry that nothing needs would hide the next finding of its kind",
        fix="remove it",
    )
