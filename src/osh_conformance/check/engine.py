"""The static suite: which charts, which rules, and the renderings that the rules need."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from osh_conformance.charts import conventions
from osh_conformance.charts.source import find_charts, read_metadata, read_text
from osh_conformance.charts.values import merged
from osh_conformance.check.charts import Judged, RenderedCharts
from osh_conformance.errors import SuiteError, UsageError
from osh_conformance.loading.suggest import did_you_mean
from osh_conformance.loading.yaml import read_values
from osh_conformance.model.finding import Status, Verdict
from osh_conformance.render import overrides
from osh_conformance.render.workers import Limits
from osh_conformance.rules import catalogue

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from osh_conformance.model.chart import RenderedChart
    from osh_conformance.model.matrix import Flavor


@dataclass(frozen=True, slots=True, kw_only=True)
class StaticRequest:
    """What a static run is asked for. `rules` empty means all; `values` override those of every chart.

    `flavor` puts its images in place of each chart's own; `overrides` are files and folders to judge besides those
    that lie with a chart. Without `cache` nothing that was rendered before is used, or kept. `limits` are what
    rendering one chart may take. `options` are the command line's, as `reproduce` must repeat them.
    """

    paths: tuple[Path, ...]
    rules: tuple[str, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    strict: bool = False
    renderer: str | None = None
    helm: Path | None = None
    convention: str | None = None
    catalog: Path | None = None
    flavor: Flavor | None = None
    overrides: tuple[Path, ...] = ()
    cache: bool = True
    limits: Limits = field(default_factory=Limits)
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A chart to judge. `label` is unique in the run, `folder` is relative to the PATH argument `root` ("" or "x/").

    `error` says why there is no chart to judge.
    """

    name: str
    label: str
    path: Path
    root: Path | None = None
    folder: str = ""
    error: SuiteError | None = None


def selected_rules(names: Iterable[str]) -> tuple[str, ...]:
    """Return the ids of static rules, all if `names` is empty; raises `UsageError` for one that is none."""
    known = catalogue.static_rules()
    wanted = [name.strip().upper() for entry in names for name in entry.split(",") if name.strip()]
    for name in wanted:
        if name not in known:
            raise UsageError(f"no static rule `{name}`{did_you_mean(name, known)}", expected=", ".join(known))
    return tuple(rule for rule in known if rule in wanted or not wanted)


def read_overrides(files: Iterable[Path]) -> dict[str, Any]:
    """Merge values files from left to right; raises `UsageError` for one that cannot be read."""
    layers = []
    for file in files:
        try:
            layers.append(read_values(read_text(file), str(file)).content)
        except SuiteError as error:
            raise UsageError(error.message, expected=error.expected) from error
    return merged(*layers)


def missing(path: Path) -> SuiteError:
    """Say that there is nothing at a PATH."""
    return SuiteError(f"{path} does not exist", expected="a chart directory, a .tgz, or a tree of charts")


def check_paths(paths: Sequence[Path]) -> None:
    """Raise `UsageError` where no PATH exists; beside one that does, another that does not is an error of its own."""
    if paths and not any(path.exists() for path in paths):
        error = missing(paths[0])
        raise UsageError(error.message, expected=error.expected)


def subjects(paths: Iterable[Path]) -> tuple[Subject, ...]:
    """Find the charts below `paths`. What is no chart becomes a subject with an error: the others go on."""
    found = [subject for path in paths for subject in _subjects_of(path)]
    names = [subject.label for subject in found]
    return tuple(
        replace(subject, label=str(subject.path)) if names.count(subject.label) > 1 else subject for subject in found
    )


def _subjects_of(path: Path) -> list[Subject]:
    label = path.resolve().name
    if not path.exists():
        return [Subject(name=label, label=label, path=path, error=missing(path))]
    try:
        charts = find_charts(path)
    except OSError as failure:
        error = SuiteError(f"{failure.filename}: cannot be read: {failure.strerror}")
        return [Subject(name=label, label=label, path=path, error=error)]
    if not charts:
        error = SuiteError(f"{path}: no chart in it", expected="a folder with a Chart.yaml, at any depth")
        return [Subject(name=label, label=label, path=path, error=error)]
    return [_subject(chart, path) for chart in charts]


def _subject(chart: Path, argument: Path) -> Subject:
    folder = "" if chart == argument else f"{chart.relative_to(argument).as_posix()}/"
    name = chart.resolve().name
    if chart.is_dir():
        try:
            name = read_metadata(chart)["name"]
        except SuiteError as error:
            return Subject(name=name, label=name, path=chart, root=argument, folder=folder, error=error)
    else:
        name = name.removesuffix(".tgz")
    return Subject(name=name, label=name, path=chart, root=argument, folder=folder)


class StaticSuite:
    """Judges subjects by rules; each subject is rendered once, and judged by every rule when its first one asks."""

    def __init__(self, request: StaticRequest) -> None:
        """Find the subjects; raises `UsageError` for a rule, renderer or convention that does not exist.

        So it does where no PATH exists, and for overrides that cannot be told apart by chart.
        """
        self.request = request
        self.rules = selected_rules(request.rules)
        check_paths(request.paths)
        self.subjects = subjects(request.paths)
        overrides.check(request.overrides, one_chart=len(self.subjects) == 1)
        convention = conventions.named(request.convention) if request.convention else None
        self._charts = RenderedCharts(request, convention)
        self._judged: dict[Path, Judged | SuiteError | None] = {}

    def expect(self, wanted: Iterable[Subject]) -> None:
        """Announce the subjects that will be judged, in that order, so that they are rendered ahead."""
        self._charts.expect(subject for subject in wanted if subject.path not in self._judged)

    def judge(self, subject: Subject, rule: str) -> Verdict:
        """Return the verdict of one rule; raises `SuiteError` if the chart cannot be rendered."""
        judged = self._judged_by_all(subject)
        if judged is None:
            return Verdict.not_applicable(rule, "a library chart renders nothing by itself")
        return self._finished(judged.verdict(catalogue.static_rules()[rule]), subject)

    def rendered(self, subject: Subject) -> RenderedChart | None:
        """Return the chart as rules see it, None for a library chart; raises `SuiteError` as `judge` does."""
        judged = self._judged_by_all(subject)
        return judged.chart if judged else None

    def _judged_by_all(self, subject: Subject) -> Judged | None:
        if subject.path not in self._judged:
            try:
                self._judged[subject.path] = self._charts.judged(subject)
            except SuiteError as error:
                self._judged[subject.path] = error
        found = self._judged[subject.path]
        if isinstance(found, SuiteError):
            raise found
        return found

    def reproduce(self, subject: Subject, rule: str | None = None) -> str:
        """Return the command that judges this chart again, by one rule or all."""
        words = ("osh-conformance", "check", str(subject.path), *self.request.options)
        return shlex.join((*words, "--rule", rule) if rule else words)

    def _finished(self, verdict: Verdict, subject: Subject) -> Verdict:
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
