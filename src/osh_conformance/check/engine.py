"""The static engine: targets and rules in, events out. It uses neither pytest nor reports nor the command line."""

from __future__ import annotations

import posixpath
import re
import shlex
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from osh_conformance.charts import changed
from osh_conformance.charts.find import check_paths, find_targets, in_shard
from osh_conformance.check.charts import RenderedCharts
from osh_conformance.config import deviations
from osh_conformance.config.expectations import Expectations, name_of, of_catalog
from osh_conformance.config.selection import selected_rules
from osh_conformance.errors import SuiteError
from osh_conformance.model.event import NoteFound, ResultFound, RunStarted
from osh_conformance.model.finding import Finding, Status, Verdict
from osh_conformance.render import overrides
from osh_conformance.rules import registry

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from osh_conformance.charts.target import ChartTarget
    from osh_conformance.config.engine_options import CheckOptions
    from osh_conformance.model.chart import RenderedChart
    from osh_conformance.model.result import ChartCoverage, Check


#: A file in a message, as the chart has it or as Helm names it (`chart/templates/x.yaml`), in front of its line.
_PLACE = re.compile(r"(?<![\w/.-])(?P<file>(?:[\w.-]+/)?(?P<inside>[\w./-]+\.(?:ya?ml|tpl|txt)))(?=:\d)")
#: How the text of an error about a place begins.
_LINE = re.compile(r"(?P<path>[^\s:][^:\n]*\.(?:ya?ml|tpl|txt)):(?P<line>\d+)\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The event of one rule on one chart, and its verdict or the exception that kept it from one."""

    event: ResultFound
    verdict: Verdict | None = None
    failure: Exception | None = None


class StaticEngine:
    """Checks each of `targets` by each of `rules`. A chart is read and rendered once, at its first rule.

    `left_out` says why charts of the PATH arguments are not among the targets, "" if all are. `remarks` are sentences
    about options.
    """

    def __init__(self, options: CheckOptions) -> None:
        """Find the targets, and read the expected findings.

        Raises `UsageError` for an option that is wrong, such as a rule that does not exist; and where no PATH exists.
        """
        self.options = options
        self.rules = selected_rules(options.select, options.ignore, registry.static_ids())
        check_paths(options.paths, options.catalog)
        found = find_targets(
            options.paths,
            convention=options.convention,
            catalog_file=options.catalog,
            values=options.values,
            given=options.given,
            data=options.data,
        )
        overrides.check(options.overrides, one_chart=len(found) == 1)
        named = {name_of(target) for target in found} if options.overrides else ()
        self.remarks = overrides.remarks(options.overrides, named)
        self.baseline = _known(options)
        entries = Expectations.of_files(options.deviations).deviations.all
        self.expectations = Expectations((*entries, *of_catalog(found), *self.baseline))
        self._charts = RenderedCharts(options, frozenset(target.path.resolve() for target in found))
        self._told: set[Path] = set()
        self.targets, self.left_out = _narrowed(found, options)

    def started(self) -> RunStarted:
        """Return the first event of a run of `check`."""
        target = {
            "verb": "check",
            "paths": [str(path) for path in self.options.paths],
            "rules": list(self.rules),
            "since": self.options.since,
            "catalog": str(self.options.catalog) if self.options.catalog else None,
        }
        return RunStarted(
            target=target,
            charts=len(self.targets),
            shard=self.options.shard,
            left_out=self.left_out,
            rule_pages=self.options.rule_pages,
        )

    def expect(self, targets: Iterable[ChartTarget]) -> None:
        """Announce the targets whose results will be needed, in that order, so that they are rendered ahead."""
        self._charts.expect(targets)

    def result(self, target: ChartTarget, rule: str) -> Result:
        """Check one chart by one rule. A chart that cannot be checked, and a rule that breaks, are results too."""
        started = time.monotonic()
        try:
            verdict = self.marked(target, rule)
        except SuiteError as error:
            error = from_here(error, target)
            event = ResultFound.broken(target.label, rule, error, reproduce=self.reproduce(target))
            return Result(event=replace(event, error=_located(event.error, target)), failure=error)
        except Exception as error:  # noqa: BLE001  (a rule that breaks must not end the others)
            broken = SuiteError(f"{rule} broke on this chart: {error!r}", fix="report it, with the chart")
            event = ResultFound.broken(target.label, rule, broken, reproduce=self.reproduce(target, rule))
            return Result(event=event, failure=error)
        event = ResultFound.of(target.label, verdict, seconds=time.monotonic() - started)
        coverage = self._coverage(target)
        return Result(event=replace(event, coverage=coverage) if coverage else event, verdict=verdict)

    def marked(self, target: ChartTarget, rule: str) -> Verdict:
        """Return the verdict with its expected findings marked; raises `SuiteError`, and what a broken rule raises."""
        return self.expectations.applied(self.unmarked(target, rule), target)

    def unmarked(self, target: ChartTarget, rule: str) -> Verdict:
        """Return the verdict as if no finding was expected; raises as `marked` does."""
        result = self._charts.result(target)
        if result is None:
            return Verdict.not_applicable(rule, "a library chart renders nothing by itself")
        verdict = self.options.levels.applied(result.verdict(rule), lambda finding: _places(finding, target))
        if not verdict.findings and not verdict.dormant:
            return verdict
        findings = tuple(self._completed(finding, target) for finding in verdict.findings)
        dormant = tuple(self._completed(finding, target) for finding in verdict.dormant)
        if self.options.strict and findings:
            verdict = Verdict.of(rule, findings)
        return replace(verdict, findings=findings, dormant=dormant)

    def forget(self, target: ChartTarget) -> None:
        """Drop what is kept of a chart whose results are no longer needed."""
        self._charts.forget(target)

    def rendered(self, target: ChartTarget) -> RenderedChart | None:
        """Return the chart as rules see it, None for a library chart; raises `SuiteError` where it does not render."""
        result = self._charts.result(target)
        return result.chart if result else None

    def notes(self, checks: Iterable[Check], *, cluster: bool = False) -> tuple[NoteFound, ...]:
        """Return an event for each deviation and opt-out that matched no finding of the `checks` of a whole run.

        `cluster`: every scenario ran on one. With `strict` the notes fail the run.
        """
        notes = self.expectations.stale(_by_label(checks), self.targets, cluster=cluster)
        status = Status.FAIL if self.options.strict else Status.WARNING
        return tuple(NoteFound(note=replace(note, status=status)) for note in notes)

    def unneeded(self, checks: Iterable[Check]) -> tuple[deviations.Deviation, ...]:
        """Return the deviations that matched no finding of the `checks` of a whole run, stale or not."""
        return self.expectations.unneeded(_by_label(checks), self.targets)

    def reproduce(self, target: ChartTarget, rule: str | None = None) -> str:
        """Return the command that checks this chart again, by one rule or all."""
        words = ("osh-conformance", "check", str(target.path), *self.options.repeated)
        return shlex.join((*words, "--select", rule) if rule else words)

    def _coverage(self, target: ChartTarget) -> ChartCoverage | None:
        """Return what was seen of a chart, for its first result."""
        if target.path in self._told:
            return None
        self._told.add(target.path)
        result = self._charts.result(target)
        if result is None:
            return None
        notices = dict.fromkeys((*target.files.notices, *result.coverage.notices))
        return replace(result.coverage, chart=target.label, notices=tuple(notices))

    def _completed(self, finding: Finding, target: ChartTarget) -> Finding:
        """Add the chart's folder and the command that reproduces the finding, and apply `--strict`."""
        fails = self.options.strict and finding.status is Status.WARNING
        return replace(
            finding,
            folder=target.folder,
            subject="" if target.label == target.name else target.label,
            reproduce=self.reproduce(target, finding.rule),
            status=Status.FAIL if fails else finding.status,
        )


def _places(finding: Finding, target: ChartTarget) -> tuple[str, ...]:
    """Return the absolute paths of a finding. Those that rules give begin with the folder of the chart."""
    chart = target.path.resolve()
    paths = replace(finding, folder=target.folder).paths_in_chart
    return tuple(posixpath.normpath(posixpath.join(chart, path)) for path in paths)


def _by_label(checks: Iterable[Check]) -> dict[str, list[Verdict]]:
    verdicts: dict[str, list[Verdict]] = {}
    for check in checks:
        verdict = Verdict(rule=check.rule, status=check.status, findings=check.findings, dormant=check.dormant)
        verdicts.setdefault(check.chart, []).append(verdict)
    return verdicts


def from_here(error: SuiteError, target: ChartTarget) -> SuiteError:
    """Return an error about a file of a chart with the path from the working directory, so that it can be opened."""
    found = _PLACE.search(error.message)
    files = [file for file in found.groups() if (target.path / file).is_file()] if found else []
    if found is None or not files or type(error) is not SuiteError:
        return error
    message = f"{error.message[: found.start()]}{target.folder}{files[0]}{error.message[found.end() :]}"
    return SuiteError(message, expected=error.expected, fix=error.fix, details=error.details)


def _located(error: Finding | None, target: ChartTarget) -> Finding | None:
    """Return an error with the file and the line that its text begins with, so that a review shows it there."""
    if error is None or not (found := _LINE.match(error.found)):
        return error
    return replace(error, path=found["path"], line=int(found["line"]), folder=target.folder)


def _known(options: CheckOptions) -> tuple[deviations.Deviation, ...]:
    """Return the entries of the baseline that the run overwrites, empty without one."""
    file = options.write_baseline
    return deviations.read(file) if file and file.is_file() else ()


def _narrowed(targets: Sequence[ChartTarget], options: CheckOptions) -> tuple[tuple[ChartTarget, ...], str]:
    """Return the targets that `--since` and `--shard` select, and a sentence about the others."""
    found = tuple(targets)
    limits = []
    if options.levels.exclude:
        found = tuple(each for each in found if not options.levels.excludes(str(each.path.resolve())))
        limits += ["not excluded"] if len(found) < len(targets) else []
    if options.since:
        found = changed.changed_since(found, options.since)
        limits.append(f"changed since {options.since}")
    if options.shard:
        found = in_shard(found, options.shard)
        limits.append(f"in part {options.shard}")
    return found, f"{len(found)} of {len(targets)} charts {' and '.join(limits)}" if limits else ""
