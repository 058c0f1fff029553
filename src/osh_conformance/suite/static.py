"""The static suite: which charts, which rules, and the renderings that the rules need."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from osh_conformance.errors import SuiteError, UsageError
from osh_conformance.model.chart import PULL_POLICIES, Container, Convention, RenderedChart
from osh_conformance.model.finding import Status, Verdict
from osh_conformance.render.documents import read_values
from osh_conformance.render.engine import choose
from osh_conformance.render.manifests import containers_of
from osh_conformance.render.sentinels import key_by_container, sentinels, with_keys
from osh_conformance.render.source import ChartSource, find_charts, opened, read_metadata, read_text
from osh_conformance.render.values import at, merged
from osh_conformance.rules import catalogue
from osh_conformance.suite import catalog, conventions
from osh_conformance.suite.names import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from osh_conformance.render.engine import Renderer


@dataclass(frozen=True, slots=True, kw_only=True)
class StaticRequest:
    """What a static run is asked for. `rules` empty means all; `values` override those of every chart.

    `options` are the command line's, as `reproduce` must repeat them.
    """

    paths: tuple[Path, ...]
    rules: tuple[str, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    strict: bool = False
    renderer: str | None = None
    helm: Path | None = None
    convention: str | None = None
    catalog: Path | None = None
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A chart to judge. `label` is unique in the run, `folder` is relative to the PATH argument ("" or "x/").

    `error` says why there is no chart to judge.
    """

    name: str
    label: str
    path: Path
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
        error = SuiteError(f"{path} does not exist", expected="a chart directory, a .tgz, or a tree of charts")
        return [Subject(name=label, label=label, path=path, error=error)]
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
            return Subject(name=name, label=name, path=chart, folder=folder, error=error)
    else:
        name = name.removesuffix(".tgz")
    return Subject(name=name, label=name, path=chart, folder=folder)


class StaticSuite:
    """Judges subjects by rules; each subject is rendered once, when its first rule asks."""

    def __init__(self, request: StaticRequest) -> None:
        """Find the subjects; raises `UsageError` for a rule or convention that does not exist."""
        self.request = request
        self.rules = selected_rules(request.rules)
        self.subjects = subjects(request.paths)
        self._convention = conventions.named(request.convention) if request.convention else None
        self._renderer: Renderer | None = None
        self._rendered: dict[Path, RenderedChart | SuiteError | None] = {}

    def judge(self, subject: Subject, rule: str) -> Verdict:
        """Return the verdict of one rule; raises `SuiteError` if the chart cannot be rendered."""
        if subject.path not in self._rendered:
            try:
                self._rendered[subject.path] = self._render(subject)
            except SuiteError as error:
                self._rendered[subject.path] = error
        chart = self._rendered[subject.path]
        if isinstance(chart, SuiteError):
            raise chart
        if chart is None:
            return Verdict.not_applicable(rule, "a library chart renders nothing by itself")
        return self._finished(catalogue.static_rules()[rule](chart), subject)

    def _render(self, subject: Subject) -> RenderedChart | None:
        if subject.error:
            raise subject.error
        self._renderer = self._renderer or choose(self.request.renderer, self.request.helm)
        entry = catalog.entry_for(subject.path, self.request.catalog)
        convention = self._convention or (conventions.named(entry.convention) if entry.convention else None)
        values = merged(entry.values, self.request.values)
        with opened(subject.path) as source:
            if source.library:
                return None
            return render_chart(source, subject.folder, convention, values, self._renderer)

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


def render_chart(
    source: ChartSource, folder: str, convention: Convention | None, values: Mapping[str, Any], renderer: Renderer
) -> RenderedChart:
    """Render a chart as shipped with `values`, then once for each pull policy with every image key overridden.

    Without `convention` the one is taken that the chart's values have; a chart of none is rendered once.
    """
    conventions.check_section(source.values.content)
    containers = _own(renderer.render(source.folder, values))
    convention = convention or conventions.recognise(merged(source.values.content, values))
    chart = RenderedChart(
        name=source.name, version=source.version, folder=folder, convention=None, containers=containers
    )
    if convention is None:
        return chart
    effective = merged(source.values.content, values)
    images = conventions.declared_images(convention, source.values, effective)
    references = sentinels(image.key for image in images)
    by_policy = {
        policy: _with_drop_job(
            source, convention, merged(values, conventions.image_values(convention, references, policy)), renderer
        )
        for policy in PULL_POLICIES
    }
    keys = key_by_container(by_policy[PULL_POLICIES[0]], references)
    return replace(
        chart,
        convention=convention.name,
        containers=with_keys(containers, keys),
        images=images,
        images_path=convention.images,
        policy=at(effective, convention.pull_policy),
        policy_path=convention.pull_policy,
        policy_line=source.values.lines.get(convention.pull_policy),
        by_policy={policy: with_keys(containers, keys) for policy, containers in by_policy.items()},
    )


def _with_drop_job(
    source: ChartSource, convention: Convention, values: Mapping[str, Any], renderer: Renderer
) -> tuple[Container, ...]:
    """Render with the drop Job too, where the chart has the switch and the Job renders."""
    if at(source.values.content, convention.db_drop) is not None:
        try:
            switched = merged(values, conventions.drop_values(convention, enabled=True))
            return _own(renderer.render(source.folder, switched))
        except SuiteError:
            pass  # what is wrong with the switch is not these rules' subject
    return _own(renderer.render(source.folder, values))


def _own(rendered: Mapping[str, str]) -> tuple[Container, ...]:
    """The containers of the chart itself; those of a chart that it depends on are judged there."""
    return tuple(container for container in containers_of(rendered) if container.own)
