"""Works out the cells and scenarios of a live run, and why others are left out. Touches no cluster."""

from __future__ import annotations

import functools
import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

from osh_conformance.charts.find import in_part
from osh_conformance.cluster.kubeconfig import check_named
from osh_conformance.config.selection import selected_rules
from osh_conformance.errors import SuiteError, UsageError
from osh_conformance.loading import definitions
from osh_conformance.loading.definitions import ALL
from osh_conformance.manifests import privileges
from osh_conformance.model.convention import DATABASE
from osh_conformance.model.finding import Severity, Status, Verdict
from osh_conformance.model.matrix import FULL, AxisValues, Tier
from osh_conformance.model.reduction import Reduction
from osh_conformance.plan import consent, flavor_images, limits, scenarios, selection, shared
from osh_conformance.plan.axes import Axes, combinations
from osh_conformance.plan.cells import (
    DEFAULT_FORMAT,
    OWN_RUNTIME,
    CellRun,
    LeftOut,
    UnfitError,
    cell_of,
    convention_of,
    values_but_images,
)
from osh_conformance.plan.planned_values import planned_values
from osh_conformance.plan.reduction import reduction_of
from osh_conformance.plan.servers import servers_of
from osh_conformance.plan.targets import check_flavor_names, live_targets, read_flavors
from osh_conformance.progress import Progress
from osh_conformance.render.engines.choice import choose
from osh_conformance.rules import registry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from osh_conformance.charts.target import ChartTarget
    from osh_conformance.config.engine_options import LiveOptions
    from osh_conformance.model.convention import Convention
    from osh_conformance.model.matrix import Cell, Flavor
    from osh_conformance.render.engines.base import Renderer

HELM_MAJORS = (3, 4)
#: The flavor of a reduced run that names none: its images run the Jobs of any chart.
REDUCED_FLAVOR = "client"


class LiveSuite:
    """The cell runs of a live run.

    - errors: by path, why a chart of a tree, or a PATH beside others, cannot be read.
    - scenarios: those of the run, each once.
    - left_out: cells that this run cannot have: `all` requests them, or their runtime cannot run the chart.
    - cell_runs: each scenario on each other cell.
    - shared: the charts that these need, installed once, each after those that it needs itself.
    """

    def __init__(
        self, options: LiveOptions, found: Sequence[ChartTarget] | None = None, progress: Progress | None = None
    ) -> None:
        """Read everything that the options name; raises `UsageError` for anything wrong in it.

        `found` are the targets of the static half of the run: the charts are not read again. `progress` tells about a
        step that takes long. Raises `UsageError` also
        for a chart that requests more than a namespace of its own, unless the options allow that.
        """
        self.options = options
        self._progress = progress or Progress(quiet=True)
        for helm_major in options.helm_majors:
            if helm_major not in HELM_MAJORS:
                raise UsageError(f"no Helm major {helm_major}", expected=" or ".join(map(str, HELM_MAJORS)))
        if options.kubeconfig:
            check_named(options.kubeconfig, options.context, options.allow_cluster)
        selected = selection.select_scenarios(scenarios.known(options.data), options)
        self.scenarios = tuple(each.of_reduced_run() for each in selected) if options.reduced else selected
        self._rules = frozenset(
            selected_rules(options.select, options.ignore, (*registry.live_rules(), *registry.matrix_rules()))
        )
        self._formats = selection.axis_values(
            definitions.formats(options.data), options.packaging_formats, "format", DEFAULT_FORMAT
        )
        self._runtimes = selection.select_runtimes(options)
        self._found = live_targets(options, found)
        targets = self._found.installed
        self._own_flavors = read_flavors(options.flavor_files, targets)
        self._shared_charts = shared.SharedCharts(options, targets)
        self._flavors_lack: dict[tuple[str, str], str] = {}
        self._reductions: dict[tuple[str, str], Reduction | SuiteError] = {}
        self._privileged: consent.Requested = {}
        self._own_images: Mapping[tuple[str, str, str], frozenset[str]] = {}
        # A limit changes which combinations are taken, but for `full`: each shard must know all limits then.
        limiting = any(runtime and runtime.limits for runtime in self._runtimes)
        together = bool(options.shard) and limiting and options.matrix_mode != FULL
        self._take_known_cells(None if together else options.shard)
        if together:
            self._take_cells(options.shard)
        if not options.allow_privileged:
            consent.check(self._installed, self._privileged)

    def _take_known_cells(self, shard: str | None) -> None:
        """Work out the cells of a shard (None: of the run), and what all of them request."""
        self._take_cells(shard)
        while unknown := [each for each in self._installed if not self._is_known(each)]:
            found = consent.requested(unknown, lambda: self.renderer, self._progress)
            self._privileged = {**self._privileged, **found.access}
            self._own_images = {**self._own_images, **found.images}
            if any(self._beyond_limits(each.target, each.axes) for each in self.cell_runs):
                # Cells that nobody has looked at may take the place of those.
                self._take_cells(shard)

    def _is_known(self, cell_run: CellRun) -> bool:
        return bool(cell_run.scenario.probes) or consent.key_of(cell_run) in self._privileged

    def _take_cells(self, shard: str | None) -> None:
        """Work out the cells of a shard (None: of the run), and why some are left out, by what is known so far."""
        unfit = {target.name: reason for target, reason in self._found.unfit}
        # A chart that cannot be taken at all is left out once, not for each combination.
        cells = [cell for target, _ in self._found.unfit for cell in self._cells_of(target)[:1]]
        cells += [cell for target in self._found.installed for cell in self._cells_of(target)]
        if shard:
            cells = list(in_part(cells, shard, lambda each: each[1].id))
        reasons = {
            cell.id: unfit.get(target.name) or self._left_out_reason(target, axes) for target, cell, axes in cells
        }
        self.errors = dict(self._found.errors)
        if self.options.reduced:
            reasons |= self._reduce([each for each in cells if not reasons[each[1].id]])
            cells = [each for each in cells if str(each[0].path) not in self.errors]
        self.left_out = tuple(LeftOut(cell=cell, reason=reasons[cell.id]) for _, cell, _ in cells if reasons[cell.id])
        self.cell_runs = tuple(self._cell_runs([each for each in cells if not reasons[each[1].id]]))
        self.shared = shared.in_order(self.cell_runs)

    @property
    def _installed(self) -> tuple[CellRun, ...]:
        """Everything that the run installs."""
        return (*self.cell_runs, *self.shared)

    @functools.cached_property
    def renderer(self) -> Renderer:
        """The renderer of this run's charts."""
        return choose(self.options.renderer, self.options.helm_program)

    def command(self, cell_run: CellRun) -> str:
        """Return the command that runs only this cell run again."""
        cell = cell_run.cell
        files = [str(file) for file, flavor in self._own_flavors.items() if flavor is cell_run.axes.flavor]
        arguments: tuple[str, ...] = ("--flavor-file", *files) if files else ("--flavor", cell.flavor)
        arguments += () if cell.packaging_format == DEFAULT_FORMAT else ("--format", cell.packaging_format)
        arguments += () if cell.runtime == OWN_RUNTIME else ("--runtime", cell.runtime)
        arguments += ("--helm", str(cell.helm_major), "--scenario", cell_run.scenario.name)
        arguments += () if self.options.repeat == 1 else ("--repeat", str(self.options.repeat))
        arguments += ("--reduced",) if self.options.reduced else ()
        arguments += (consent.OPTION,) if self.options.allow_privileged else ()
        return shlex.join(("osh-conformance", "live", cell.path, *arguments, *self.options.repeated))

    def graded(self, verdict: Verdict, cell_run: CellRun) -> Verdict:
        """Return `verdict` with the severity that this run gives to its findings.

        The configuration file may give a rule a level. A finding is a warning where a chart runs on images that hold
        less than its convention requires; with `strict` a warning fails.
        """
        findings = self.options.levels.applied(verdict, lambda _: ()).findings
        if not verdict.findings:
            return verdict
        if cell_run.axes.flavor.tier is Tier.MINIMAL and cell_run.convention.image_contract is not Tier.MINIMAL:
            findings = tuple(replace(each, severity=Severity.WARNING, status=Status.WARNING) for each in findings)
        if self.options.strict:
            findings = tuple(
                replace(each, status=Status.FAIL) if each.status is Status.WARNING else each for each in findings
            )
        return Verdict.of(verdict.rule, findings)

    def images(self, cell_run: CellRun) -> frozenset[str]:
        """Return the references of the images that a cell run needs, without those that every cell run needs."""
        if cell_run.scenario.probes:
            return frozenset()
        servers = {each.image for each in servers_of(cell_run.target, cell_run.scenario) if each.name != DATABASE}
        needed = (self.images(each) for each in cell_run.needs)
        return self._chart_images(cell_run).union(servers, *needed)

    def _chart_images(self, cell_run: CellRun) -> frozenset[str]:
        """Return the references of the chart's own images."""
        flavor, target = cell_run.axes.flavor, cell_run.target
        if flavor.shipped:
            return self._own_images.get(consent.key_of(cell_run), frozenset())
        values = planned_values(cell_run, drop=False)
        given = flavor_images.references(target, flavor, values, lambda: self.renderer, cell_run.job_keys)
        return frozenset(given.values())

    def conventions(self) -> tuple[Convention, ...]:
        """Return the conventions of everything that the run installs, each once."""
        return tuple({cell_run.convention.name: cell_run.convention for cell_run in self._installed}.values())

    def privileged(self) -> Mapping[str, Sequence[str]]:
        """Return by the path of each chart the privileged access that it requests and gets, one line an object."""
        return consent.by_chart(self._installed, self._privileged)

    def pod_security(self, cell_run: CellRun) -> dict[str, str]:
        """Return the Pod Security labels of every namespace of a cell run."""
        return privileges.pod_security(self._privileged.get(consent.key_of(cell_run), ()))

    def comparable(self, cell_run: CellRun) -> tuple[CellRun, ...]:
        """Return the cell runs of the same scenario on other cells of the same chart."""
        return tuple(
            other
            for other in self.cell_runs
            if other.target is cell_run.target and other.scenario is cell_run.scenario and other.cell != cell_run.cell
        )

    def _reduce(self, cells: Sequence[tuple[ChartTarget, Cell, AxisValues]]) -> dict[str, str]:
        """Derive the reduction of each chart and flavor, once; return by cell why a chart has none.

        A chart that does not render is an error of the run.
        """
        by_chart: dict[tuple[str, str], list[tuple[ChartTarget, Cell, AxisValues]]] = {}
        for each in cells:
            by_chart.setdefault((each[0].name, each[1].flavor), []).append(each)
        new = {" ".join(key): group[0] for key, group in by_chart.items() if key not in self._reductions}
        for target, cell, axes in self._progress.each("reduce the charts", new):
            self._reductions[target.name, cell.flavor] = self._reduction(target, axes.flavor)
        reasons: dict[str, str] = {}
        for key, group in by_chart.items():
            found, path = self._reductions[key], str(group[0][0].path)
            if isinstance(found, UnfitError):
                reasons |= {cell.id: found.message for _, cell, _ in group}
            elif isinstance(found, SuiteError):
                self.errors[path] = found
        return reasons

    def _reduction(self, target: ChartTarget, flavor: Flavor) -> Reduction | SuiteError:
        """Return the reduction of a chart with a flavor, or the error that there is instead of one."""
        try:
            return reduction_of(target, convention_of(target), flavor, self.renderer)
        except UnfitError as error:
            return error
        except SuiteError as error:
            first, _, more = error.message.partition("\n")
            return SuiteError(f"{target.path}: {first}", details=more)

    # -- the matrix ---------------------------------------------------------------------------------------------------

    def _cells_of(self, target: ChartTarget) -> list[tuple[ChartTarget, Cell, AxisValues]]:
        axes = Axes(
            flavors=self._flavors(self._default_flavor(target)),
            packaging_formats=self._formats,
            runtimes=self._runtimes,
            helm_majors=self.options.helm_majors,
        )
        taken = combinations(axes, self.options.matrix_mode, lambda values: not self._left_out_reason(target, values))
        return [(target, cell_of(target, values), values) for values in taken]

    def _cell_runs(self, cells: Iterable[tuple[ChartTarget, Cell, AxisValues]]) -> Iterator[CellRun]:
        # Pull probes show the same for every chart and flavor.
        probed: set[str] = set()
        for target, cell, axes in cells:
            needs = () if self.options.reduced else self._shared_charts.needed_by(target)
            reduction = self._reductions.get((target.name, cell.flavor))
            for scenario in self.scenarios:
                rules = selection.rules_of(scenario, self._rules)
                if not rules:
                    continue
                if scenario.probes:
                    if cell.runtime in probed:
                        continue
                    probed.add(cell.runtime)
                yield CellRun(
                    target=target,
                    cell=cell,
                    scenario=scenario,
                    axes=axes,
                    rules=rules,
                    flavor_named=ALL not in self.options.flavors,
                    runtime_named=ALL not in self.options.runtimes,
                    needs=needs if scenario.whole else (),
                    reduction=reduction if isinstance(reduction, Reduction) else None,
                )

    def _default_flavor(self, target: ChartTarget) -> str:
        if self.options.reduced:
            return REDUCED_FLAVOR
        return target.entry.flavor if target.entry else "shipped"

    def _flavors(self, default: str) -> Sequence[Flavor]:
        names = self.options.flavors
        shipped = (
            []
            if self._own_flavors and not names
            else selection.axis_values(self._known_flavors(default), names, "flavor", default)
        )
        flavors = [*self._own_flavors.values(), *shipped]
        check_flavor_names(flavors)
        return flavors

    def _known_flavors(self, default: str) -> Mapping[str, Flavor]:
        """Return the flavors of the run's data; of `all` the default and those on whose images all of it runs."""
        known = definitions.flavors(self.options.data)
        if ALL in self.options.flavors and not self.options.reduced:
            return {name: flavor for name, flavor in known.items() if not flavor.rest or name == default}
        return known

    def _flavor_lacking(self, target: ChartTarget, flavor: Flavor) -> str:
        """Return why a flavor does not fit a chart, "" if it does. A flavor that the user named breaks its cell."""
        if ALL not in self.options.flavors or flavor in self._own_flavors.values():
            return ""
        key = str(target.path), flavor.name
        if key not in self._flavors_lack:
            self._flavors_lack[key] = ""
            try:
                values = values_but_images(target, flavor, {}, drop=False)
                flavor_images.references(target, flavor, values, lambda: self.renderer)
            except UsageError as error:
                self._flavors_lack[key] = error.message
        return self._flavors_lack[key]

    def _beyond_limits(self, target: ChartTarget, axes: AxisValues) -> str:
        """Return why a runtime cannot run a chart, "" if it can, as far as the chart's requests are known."""
        keys = ((target.name, axes.flavor.name, scenario.name) for scenario in self.scenarios)
        return limits.beyond(axes.runtime, (each for key in keys for each in self._privileged.get(key, ())))

    def _left_out_reason(self, target: ChartTarget, axes: AxisValues) -> str:
        """Return why this run cannot have a cell, "" if it can, as far as is known without a cluster."""
        reason = selection.runtime_lacking(axes.runtime, self.options) if axes.runtime else ""
        reason = reason or self._flavor_lacking(target, axes.flavor) or self._beyond_limits(target, axes)
        if reason:
            return reason
        if axes.packaging_format.name == DEFAULT_FORMAT:
            return ""
        if self.options.kubeconfig:
            return "images of that cluster come from registries that the suite does not fill"
        if axes.flavor.shipped:
            return "in another format the reference would not be the chart's own"
        return ""
