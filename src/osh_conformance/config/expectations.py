"""Applies expected findings, from files of deviations and from opt-outs in charts, to the verdicts of a run."""

from __future__ import annotations

import fnmatch
import posixpath
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

_DECIDED = frozenset({Status.PASS, Status.FAIL, Status.EXPECTED})


class Expectations:
    """Marks findings as expected, and lists afterwards which entries matched no finding."""

    def __init__(self, entries: Iterable[Deviation] = (), today: date | None = None) -> None:
        """Take the deviations; the opt-outs of a chart are read with its first verdict."""
        self.deviations = Entries(entries)
        self._today = today or date.today()  # noqa: DTZ011  (an expiry is a day where its reader is)
        self._opt_outs: dict[Path, tuple[OptOut, ...]] = {}
        self._others: dict[tuple[Path, str], tuple[OptOut, ...]] = {}

    @classmethod
    def of_files(cls, files: Iterable[Path | str]) -> Expectations:
        """Read files of deviations; raises `UsageError` for a file that is wrong."""
        return cls(entry for file in files for entry in deviations.read(Path(file)))

    def applied(self, verdict: Verdict, target: ChartTarget) -> Verdict:
        """Return `verdict` with its expected findings marked; its status is `expected` if no other finding fails it.

        Raises `SuiteError` for a malformed opt-out of this rule, or of no known rule.
        """
        self._check_opt_outs(verdict.rule, target)
        if not verdict.findings:
            return verdict
        findings = tuple(self._marked(finding, target) for finding in verdict.findings)
        return outcome_of(replace(verdict, findings=findings))

    def applied_live(self, verdict: Verdict) -> Verdict:
        """Return a verdict on a cell as `applied` does, but without opt-outs: they are about rendered manifests."""
        if not verdict.findings:
            return verdict
        findings = tuple(
            self._deviating(finding) if finding.status in (Status.FAIL, Status.WARNING) else finding
            for finding in verdict.findings
        )
        return outcome_of(replace(verdict, findings=findings))

    def stale(
        self, by_label: Mapping[str, Sequence[Verdict]], targets: Sequence[ChartTarget], *, cluster: bool = False
    ) -> tuple[Finding, ...]:
        """Return a warning for each entry that matched no finding, although its rules checked all of its charts.

        `by_label` holds the verdicts by the label of each target, without rules that were not run. `cluster` says
        whether every scenario ran on a cluster: without that, an entry that may be about a live finding is not stale.
        """
        unneeded = self.unneeded(by_label, targets, cluster=cluster)
        stale = [_stale_deviation(entry) for entry in unneeded if not entry.dormant]
        for target in targets:
            rules = {verdict.rule for verdict in by_label.get(target.label, ()) if verdict.status in _DECIDED}
            if not rules:
                continue
            own = [finding for each in by_label[target.label] for finding in (*each.findings, *each.dormant)]
            stale += [
                _stale_opt_out(entry, target)
                for entry in self._of(target)
                if entry.rule in rules and not entry.problem and not any(entry.matches(finding) for finding in own)
            ]
        return tuple(stale)

    def unneeded(
        self, by_label: Mapping[str, Sequence[Verdict]], targets: Sequence[ChartTarget], *, cluster: bool = False
    ) -> tuple[Deviation, ...]:
        """Return the deviations that matched no finding, dormant or not; arguments as for `stale`."""
        verdicts = (verdict for found in by_label.values() for verdict in found)
        found = (finding for verdict in verdicts for finding in (*verdict.findings, *verdict.dormant))
        needed = {entry for finding in found for entry in self.deviations.about(finding)}
        return tuple(
            entry
            for entry in self.deviations.all
            if entry not in needed and (cluster or not _may_be_live(entry)) and _was_asked(entry, by_label, targets)
        )

    def _check_opt_outs(self, rule: str, target: ChartTarget) -> None:
        for entry in self._of(target):
            _check(entry, rule, target)

    def _of(self, target: ChartTarget) -> tuple[OptOut, ...]:
        if target.path not in self._opt_outs:
            self._opt_outs[target.path] = optouts.read(target)
        return self._opt_outs[target.path]

    def _beside(self, target: ChartTarget, finding: Finding) -> tuple[OptOut, ...]:
        """Return the opt-outs of the values override outside of the chart that the finding is about."""
        path = finding.path_in_chart
        if not path.startswith("../") or target.path.is_file():
            return ()
        if (target.path, path) not in self._others:
            self._others[target.path, path] = optouts.read_beside(target.path, path)
        return self._others[target.path, path]

    def _marked(self, finding: Finding, target: ChartTarget) -> Finding:
        if finding.status not in (Status.FAIL, Status.WARNING):
            return finding
        for opt_out in (*self._of(target), *self._beside(target, finding)):
            _check(opt_out, finding.rule, target)
            if opt_out.matches(finding):
                reason = f"{opt_out.reason} ({finding.path}:{opt_out.line})"
                return replace(finding, status=Status.EXPECTED, reason=reason)
        return self._deviating(finding)

    def _deviating(self, finding: Finding) -> Finding:
        expired = ""
        for entries in self.deviations.matching(finding):
            over = next((entry for entry in entries if entry.expired(self._today)), None)
            if over is None:
                return replace(finding, status=Status.EXPECTED, reason=f"{entries[0].reason} ({entries[0].file})")
            expired = f"{over.place} expected this until {over.expires}: {over.reason}"
        return replace(finding, reason=expired) if expired != finding.reason else finding


def _check(entry: OptOut, rule: str, target: ChartTarget) -> None:
    """Raise `SuiteError` for an opt-out with a mistake that is about this rule, or about no known one."""
    if entry.problem and entry.rule in ("", rule):
        place = posixpath.normpath(f"{target.folder}{entry.path}")
        raise SuiteError(f"{place}:{entry.line}: {entry.problem}", expected=f"`{optouts.FORM}`")


def of_catalog(targets: Iterable[ChartTarget]) -> tuple[Deviation, ...]:
    """Read the files of deviations that the entries of catalogs name. Each applies to its own chart only.

    Raises `UsageError` for a file that is wrong.
    """
    by_file: dict[Path, tuple[Deviation, ...]] = {}
    found: list[Deviation] = []
    for target in targets:
        file = target.entry.deviations if target.entry else None
        if file is None:
            continue
        if file not in by_file:
            by_file[file] = deviations.read(file)
        name = name_of(target)
        found += [replace(entry, chart=name) for entry in by_file[file] if entry.speaks_of(name)]
    return tuple(found)


def name_of(target: ChartTarget) -> str:
    """Return the name in Chart.yaml, as findings have it; the target's own where the chart cannot be read."""
    try:
        return target.files.name
    except SuiteError:
        return target.name


def outcome_of(verdict: Verdict) -> Verdict:
    """Return `verdict` as `expected` where it failed and each finding that made it fail is expected."""
    statuses = {finding.status for finding in verdict.findings}
    if verdict.status is not Status.FAIL or Status.FAIL in statuses or Status.EXPECTED not in statuses:
        return verdict
    reasons = dict.fromkeys(finding.reason for finding in verdict.findings if finding.status is Status.EXPECTED)
    return replace(verdict, status=Status.EXPECTED, reason="; ".join(reasons))


def _may_be_live(entry: Deviation) -> bool:
    """Whether `entry` may be about a live finding: those have no path."""
    return entry.rule in registry.live_rules() and fnmatch.fnmatchcase("", entry.path)


def _was_asked(entry: Deviation, by_label: Mapping[str, Sequence[Verdict]], targets: Sequence[ChartTarget]) -> bool:
    """Whether this run would have found what `entry` expects.

    A pattern may be meant for charts that are not in this run, so it counts only in a run of several charts.
    """
    if not entry.one_chart and len(targets) < 2:  # noqa: PLR2004
        return False
    meant = [target for target in targets if entry.speaks_of(target.name)]
    return bool(meant) and all(
        any(verdict.rule == entry.rule and verdict.status in _DECIDED for verdict in by_label.get(target.label, ()))
        for target in meant
    )


def _stale_deviation(entry: Deviation) -> Finding:
    return _stale(
        entry.rule,
        "" if not entry.one_chart else entry.chart,
        entry.file,
        entry.line,
        f"a deviation that matches no finding{_meant(entry)}: {entry.reason}",
    )


def _meant(entry: Deviation) -> str:
    """Return the file and the key that an entry names, "" if it names none."""
    named = [text for text in (entry.path, entry.key) if text != deviations.ANY]
    return f" ({' '.join(named)})" if named else ""


def _stale_opt_out(entry: OptOut, target: ChartTarget) -> Finding:
    found = f"an opt-out that matches no finding: {entry.reason}"
    return _stale(entry.rule, target.name, target.folder + entry.path, entry.line, found)


def _stale(rule: str, chart: str, path: str, line: int | None, found: str) -> Finding:
    return Finding(
        rule=rule,
        chart=chart,
        path=path,
        line=line,
        severity=Severity.WARNING,
        status=Status.WARNING,
        found=found,
        expected="each entry matches a finding",
        why="an entry without a finding would hide the next finding of its kind",
        fix="remove the entry",
    )
