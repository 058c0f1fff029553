"""The live suite: which charts, cells and scenarios, and why others are left out. Touches no cluster."""

from __future__ import annotations

import functools
import shlex
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from osh_conformance.charts import catalog, conventions
from osh_conformance.charts.find import check_paths, find_charts, in_part, missing
from osh_conformance.charts.values import merged
from osh_conformance.cluster.kubeconfig import check_named
from osh_conformance.errors import SuiteError, UsageError
from osh_conformance.loading import records
from osh_conformance.loading.records import ALL
from osh_conformance.loading.suggest import did_you_mean
from osh_conformance.manifests import privileges
from osh_conformance.model.chart import STANDARD_KEYS
from osh_conformance.model.finding import Severity, Status, Verdict
from osh_conformance.model.matrix import ContainerRuntime, Flavor, Tier
from osh_conformance.model.scenario import ScenarioGroup
from osh_conformance.plan import axes as matrix
from osh_conformance.plan import cells, consent
from osh_conformance.render.engines.base import choose

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from osh_conformance.config.options import LiveOptions
    from osh_conformance.model.matrix import Cell
    from osh_conformance.model.scenario import Scenario
    from osh_conformance.render.engines.base import Renderer

HELM_MAJORS = (3, 4)
#: The format in which the suite's own registry has an image without being asked for another one.
DEFAULT_FORMAT = "docker"


class LeftOutError(SuiteError):
    """Something cannot be had here, and was only asked for as one of all: no error, but no cell either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CellRun:
    """A scenario on a cell, and what is needed to run it.

    `flavor_asked` and `runtime_asked`: the user named them, and did not only ask for all.
    """

    subject: cells.Subject
    cell: Cell
    scenario: Scenario
    chosen: matrix.AxisValues
    flavor_asked: bool = True
    runtime_asked: bool = True

    @property
    def id(self) -> str:
        """As test ids, namespaces and artifact folders name it."""
        return f"{self.cell.id}-{self.scenario.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A cell that was asked for by `all`, and cannot be had here."""

    cell: Cell
    reason: str


class LiveSuite:
    """Works out pairs and releases."""

    def __init__(self, request: LiveOptions) -> None:
        """Read everything that is named, and raise `UsageError` for what is not what it should be.

        A chart that is found in a tree, and cannot be read, is left out, and so is a path that does not exist beside
        one that does: `errors` says why, by the path. `left_out` has cells that cannot be had here. A chart that asks
        for more than a namespace of its own is a `UsageError` that names them all, unless that was allowed.
        """
        self.errors: dict[str, SuiteError] = {}
        self.request = request
        self._functions: dict[str, Mapping[str, str]] = {}
        check_paths(request.paths)
        for major in request.helm_majors:
            if major not in HELM_MAJORS:
                raise UsageError(f"no Helm major {major}", expected=" or ".join(map(str, HELM_MAJORS)))
        if request.kubeconfig:
            check_named(request.kubeconfig, request.context, request.allow_cluster)
        known = records.scenarios()
        self.scenarios = _scenarios(known, request)
        self._formats = _axis(records.formats(), request.packaging_formats, "format", DEFAULT_FORMAT)
        self._runtimes = self._chosen_runtimes()
        subjects = _each_once(subject for path in request.paths for subject in self._subjects_of(path))
        _check_names(subjects)
        self._own = {file: records.read(Flavor, file) for file in request.flavor_files}
        for file, flavor in self._own.items():
            _check_keys(file, flavor, subjects)
        found = [each for subject in subjects for each in self._cells_of(subject)]
        if request.shard:
            found = list(in_part(found, request.shard, lambda each: each[1].id))
        reasons = {where.id: self._why_not(subject, chosen) for subject, where, chosen in found}
        self.left_out = tuple(LeftOut(cell=c, reason=reasons[c.id]) for _, c, _ in found if reasons[c.id])
        self.pairs = tuple(self._pairs([each for each in found if not reasons[each[1].id]]))
        self._asked = consent.asked(self.pairs, lambda: self.renderer)
        if not request.allow_privileged:
            consent.check(self.pairs, self._asked)

    @functools.cached_property
    def renderer(self) -> Renderer:
        """What renders the charts of this run."""
        return choose(self.request.renderer, self.request.helm_program)

    def command(self, pair: CellRun) -> str:
        """The command that runs this pair again, and nothing else."""
        where = pair.cell
        files = [str(file) for file, flavor in self._own.items() if flavor is pair.chosen.flavor]
        which: tuple[str, ...] = ("--flavor-file", *files) if files else ("--flavor", where.flavor)
        which += () if where.format == DEFAULT_FORMAT else ("--format", where.format)
        which += () if where.runtime == cells.OWN_RUNTIME else ("--runtime", where.runtime)
        which += ("--helm", str(where.helm), "--scenario", pair.scenario.name)
        which += () if self.request.repeat == 1 else ("--repeat", str(self.request.repeat))
        which += (consent.OPTION,) if self.request.allow_privileged else ()
        return shlex.join(("osh-conformance", "live", where.path, *which, *self.request.repeated))

    def finished(self, verdict: Verdict, pair: CellRun) -> Verdict:
        """Return `verdict` as this run sees it.

        What a chart lacks in images that hold less than its convention asks for is a warning; with `strict` a warning
        fails.
        """
        if not verdict.findings:
            return verdict
        findings = verdict.findings
        if pair.chosen.flavor.tier is Tier.MINIMAL and pair.subject.convention.image_contract is not Tier.MINIMAL:
            findings = tuple(replace(each, severity=Severity.WARNING, status=Status.WARNING) for each in findings)
        if self.request.strict:
            findings = tuple(
                replace(each, status=Status.FAIL) if each.status is Status.WARNING else each for each in findings
            )
        return Verdict.of(verdict.rule, findings)

    def functions(self, subject: cells.Subject) -> Mapping[str, str]:
        """By image key of a chart the standard function that it performs, or ""; the chart is read once."""
        if subject.name not in self._functions:
            self._functions[subject.name] = cells.functions_of(subject)
        return self._functions[subject.name]

    def privileged(self) -> Mapping[str, Sequence[str]]:
        """By its path what each chart asks for beyond a namespace of its own, and was allowed to, a line an object."""
        return consent.by_chart(self.pairs, self._asked)

    def pod_security(self, pair: CellRun) -> dict[str, str]:
        """The Pod Security labels of every namespace that the pair's chart, or what it needs, is installed in."""
        which = (pair.subject.name, pair.chosen.flavor.name)
        return privileges.pod_security(() if pair.scenario.probes else self._asked.get(which, ()))

    def beside(self, pair: CellRun) -> tuple[CellRun, ...]:
        """The pairs that do the same on other cells of the same chart."""
        return tuple(
            other
            for other in self.pairs
            if other.subject is pair.subject and other.scenario is pair.scenario and other.cell != pair.cell
        )

    # -- charts ------------------------------------------------------------------------------------------------------

    def _subjects_of(self, path: Path) -> list[cells.Subject]:
        if not path.exists():
            self.errors[str(path)] = missing(path)
            return []
        charts = find_charts(path)
        if not charts:
            raise UsageError(f"{path}: no chart in it", expected="a folder with a Chart.yaml, at any depth")
        tried = [self._tried_subject(chart, named=chart == path) for chart in charts]
        return [subject for subject in tried if subject]

    def _tried_subject(self, chart: Path, *, named: bool) -> cells.Subject | None:
        try:
            return self._subject(chart)
        except UsageError:
            raise
        except SuiteError as error:
            if named:
                raise UsageError(
                    error.message, expected=error.expected, fix=error.fix, details=error.details
                ) from error
            self.errors[str(chart)] = error
            return None

    def _subject(self, chart: Path) -> cells.Subject | None:
        if cells.is_library(chart):
            return None
        entry = catalog.entry_for(chart, self.request.catalog)
        name = self.request.convention or entry.convention
        convention = conventions.named(name) if name else None
        values = merged(entry.values, self.request.values)
        return cells.subject(chart, str(chart), convention, values, entry.tests, entry.previous)

    # -- the matrix --------------------------------------------------------------------------------------------------

    def _cells_of(self, subject: cells.Subject) -> list[tuple[cells.Subject, Cell, matrix.AxisValues]]:
        axes = matrix.Axes(
            flavors=self._flavors(catalog.entry_for(subject.chart, self.request.catalog).flavor),
            formats=self._formats,
            runtimes=self._runtimes,
            majors=self.request.helm_majors,
        )
        chosen = matrix.combinations(axes, self.request.matrix_mode, lambda each: not self._why_not(subject, each))
        return [(subject, cells.cell(subject, each), each) for each in chosen]

    def _pairs(self, found: Sequence[tuple[cells.Subject, Cell, matrix.AxisValues]]) -> Iterable[CellRun]:
        probed: set[str] = set()
        for subject, where, chosen in found:
            for scenario in self.scenarios:
                if scenario.probes:
                    if where.runtime in probed:
                        continue
                    probed.add(where.runtime)
                yield CellRun(
                    subject=subject,
                    cell=where,
                    scenario=scenario,
                    chosen=chosen,
                    flavor_asked=ALL not in self.request.flavors,
                    runtime_asked=ALL not in self.request.runtimes,
                )

    def _flavors(self, default: str) -> Sequence[Flavor]:
        request = self.request
        shipped = (
            [] if self._own and not request.flavors else _axis(records.flavors(), request.flavors, "flavor", default)
        )
        found = [*self._own.values(), *shipped]
        for name, number in Counter(flavor.name for flavor in found).items():
            if number > 1:
                raise UsageError(f"two flavors are called {name}", fix="give the flavor of your file another name")
        return found

    def _chosen_runtimes(self) -> Sequence[ContainerRuntime | None]:
        request = self.request
        if not request.runtimes:
            return (None,)
        found = _axis(records.runtimes(), request.runtimes, "runtime")
        for runtime in found:
            reason = self._runtime_missing(runtime)
            if reason and ALL not in request.runtimes:
                raise UsageError(f"--runtime {runtime.name}: {reason}")
        return found

    def _runtime_missing(self, runtime: ContainerRuntime) -> str:
        if self.request.kubeconfig:
            # Which handlers there are is the cluster's affair, and changing that would be a change to all of it.
            return "" if not runtime.handler else "only a cluster of the suite's own gets RuntimeClasses from it"
        return f"needs {runtime.needs}" if runtime.needs else ""

    def _flavor_missing(self, subject: cells.Subject, flavor: Flavor) -> str:
        """Why a flavor is none for a chart. One that was named is an error in its cell, not something to leave out."""
        if ALL not in self.request.flavors or flavor in self._own.values():
            return ""
        try:
            records.references(flavor, subject.name, self.functions(subject))
        except UsageError as error:
            return error.message
        return ""

    def _why_not(self, subject: cells.Subject, chosen: matrix.AxisValues) -> str:
        """Why a combination cannot be had here; empty if it can, as far as is known without a cluster."""
        reason = self._runtime_missing(chosen.runtime) if chosen.runtime else ""
        reason = reason or self._flavor_missing(subject, chosen.flavor)
        if reason:
            return reason
        if chosen.form.name == DEFAULT_FORMAT:
            return ""
        if self.request.kubeconfig:
            return "images of that cluster come from registries that the suite does not fill"
        if chosen.flavor.shipped:
            return "in another format the reference would not be the chart's own"
        return ""


def _scenarios(known: Mapping[str, Scenario], request: LiveOptions) -> tuple[Scenario, ...]:
    """The scenarios of a run, each once. Raises `UsageError` where one strikes the cluster of others."""
    names = [*(request.scenarios or (ScenarioGroup.MAIN,)), *([ScenarioGroup.FAULTS] if request.faults else [])]
    tables = set(ScenarioGroup)
    found: list[Scenario] = []
    for name in names:
        wanted = tables - {ScenarioGroup.ENVIRONMENT} if name == ALL else {name} & tables
        of_tables = [scenario for scenario in known.values() if scenario.table in wanted]
        found += of_tables if wanted else [records.chosen(known, name, "scenario or table")]
    alone = [scenario.name for scenario in found if scenario.table is ScenarioGroup.ENVIRONMENT]
    if alone and len(alone) < len(found):
        raise UsageError(
            f"--scenario {', '.join(alone)}: what strikes the whole cluster cannot run beside other scenarios",
            fix=f"run `--scenario {ScenarioGroup.ENVIRONMENT}` by itself",
        )
    others = [scenario.name for scenario in found if scenario.table is not ScenarioGroup.MAIN]
    if others and request.repeat > 1:
        raise UsageError(
            f"--repeat {request.repeat}: {', '.join(others)} cannot be gone through again on what it has left",
            expected="scenarios of the table main",
            fix=f"run it {request.repeat} times, or `--scenario drop-enabled --repeat {request.repeat}`",
        )
    return tuple({scenario.name: scenario.times(request.repeat) for scenario in found}.values())


def _axis(known: Mapping[str, Any], names: Sequence[str], kind: str, default: str | None = None) -> list[Any]:
    """The records of these names, each once; without any the default's, and `all` is every one, the default first.

    Raises `UsageError` for a name that is none.
    """
    first = [default] if default else []
    wanted = dict.fromkeys([*first, *known] if ALL in names else names or first)
    return [records.chosen(known, name, kind) for name in wanted]


def _each_once(subjects: Iterable[cells.Subject]) -> list[cells.Subject]:
    """The charts, without those that a second PATH names again."""
    return list({subject.chart.resolve(): subject for subject in subjects}.values())


def _check_names(subjects: Sequence[cells.Subject]) -> None:
    """Raise `UsageError` for two charts of one name: no report tells them apart."""
    found: dict[str, cells.Subject] = {}
    for subject in subjects:
        first = found.setdefault(subject.name, subject)
        if first is not subject:
            raise UsageError(
                f"{first.path} and {subject.path} are both called {subject.name}",
                expected="charts of different names in one live run",
                fix="run them one by one",
            )


def _check_keys(file: Path, flavor: Flavor, subjects: Sequence[cells.Subject]) -> None:
    """Raise `UsageError` for an image key of a user's flavor that no chart of the run has: a word misspelt."""
    known = {key for subject in subjects for key in cells.image_keys(subject)}
    for key in flavor.images:
        if known and key not in known and key not in STANDARD_KEYS:
            charts = ", ".join(subject.name for subject in subjects)
            raise UsageError(
                f"{file}: images.{key}: no such image key in {charts}{did_you_mean(key, known)}",
                expected=f"one of {', '.join(sorted(known))}",
            )
