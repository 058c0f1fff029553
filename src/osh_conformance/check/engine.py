"""The static suite: which charts, which rules, and the renderings that the rules need."""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

from osh_conformance.charts.find import check_paths, find_targets
from osh_conformance.check.charts import ChartResult, RenderedCharts
from osh_conformance.errors import SuiteError, UsageError
from osh_conformance.loading.suggest import did_you_mean
from osh_conformance.model.finding import Status, Verdict
from osh_conformance.render import overrides
from osh_conformance.rules import catalogue

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from osh_conformance.charts.target import ChartTarget
    from osh_conformance.config.options import CheckOptions
    from osh_conformance.model.chart import RenderedChart


def selected_rules(names: Iterable[str]) -> tuple[str, ...]:
    """Return the ids of static rules, all if `names` is empty; raises `UsageError` for one that is none."""
    known = catalogue.static_rules()
    wanted = [name.strip().upper() for entry in names for name in entry.split(",") if name.strip()]
    for name in wanted:
        if name not in known:
            raise UsageError(f"no static rule `{name}`{did_you_mean(name, known)}", expected=", ".join(known))
    return tuple(rule for rule in known if rule in wanted or not wanted)


class StaticSuite:
    """Judges subjects by rules; each subject is rendered once, and judged by every rule when its first one asks."""

    def __init__(self, request: CheckOptions) -> None:
        """Find the subjects; raises `UsageError` for a rule, renderer or convention that does not exist.

        So it does where no PATH exists, and for overrides that cannot be told apart by chart.
        """
        self.request = request
        self.rules = selected_rules(request.select)
        check_paths(request.paths)
        self.subjects = find_targets(
            request.paths, convention=request.convention, catalog_file=request.catalog, values=request.values
        )
        overrides.check(request.overrides, one_chart=len(self.subjects) == 1)
        self._charts = RenderedCharts(request)
        self._judged: dict[Path, ChartResult | SuiteError | None] = {}

    def expect(self, wanted: Iterable[ChartTarget]) -> None:
        """Announce the subjects that will be judged, in that order, so that they are rendered ahead."""
        self._charts.expect(subject for subject in wanted if subject.path not in self._judged)

    def judge(self, subject: ChartTarget, rule: str) -> Verdict:
        """Return the verdict of one rule; raises `SuiteError` if the chart cannot be rendered."""
        judged = self._judged_by_all(subject)
        if judged is None:
            return Verdict.not_applicable(rule, "a library chart renders nothing by itself")
        return self._finished(judged.verdict(catalogue.static_rules()[rule]), subject)

    def rendered(self, subject: ChartTarget) -> RenderedChart | None:
        """Return the chart as rules see it, None for a library chart; raises `SuiteError` as `judge` does."""
        judged = self._judged_by_all(subject)
        return judged.chart if judged else None

    def _judged_by_all(self, subject: ChartTarget) -> ChartResult | None:
        if subject.path not in self._judged:
            try:
                self._judged[subject.path] = self._charts.judged(subject)
            except SuiteError as error:
                self._judged[subject.path] = error
        found = self._judged[subject.path]
        if isinstance(found, SuiteError):
            raise found
        return found

    def reproduce(self, subject: ChartTarget, rule: str | None = None) -> str:
        """Return the command that judges this chart again, by one rule or all."""
        words = ("osh-conformance", "check", str(subject.path), *self.request.repeated)
        return shlex.join((*words, "--rule", rule) if rule else words)

    def _finished(self, verdict: Verdict, subject: ChartTarget) -> Verdict:
        """Add how to see a finding again; with `--strict` a warning fails."""
        finished = tuple(
            replace(
                finding,
                reproduce=self.reproduce(subject, finding.rule),
                status=Status.FAIL if self.request.strict and finding.status is Status.WARNING else finding.status,
            )
            for finding in verdict.findings
        )
        if not finished:
            return verdict
        return Verdict.of(verdict.rule, finished) if self.request.strict else replace(verdict, findings=finished)
