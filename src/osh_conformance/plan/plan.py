"""Works out the cells and scenarios of a live run, and why others are left out. Touches no cluster."""

from __future__ import annotations

import functools
import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

from osh_conformance.charts.find import in_part
from osh_conformance.cluster.kubeconfig import check_named
from osh_conformance.config.selection import selected_rules
from osh_conformance.errors import UsageError
from osh_conformance.loading import definitions
from osh_conformance.loading.definitions import ALL
from osh_conformance.manifests import privileges
from osh_conformance.model.finding import Severity, Status, Verdict
from osh_conformance.model.matrix import AxisValues, Tier
from osh_conformance.plan import consent, scenarios, selection
from osh_conformance.plan.axes import Axes, combinations
from osh_conformance.plan.cells import OWN_RUNTIME, CellRun, LeftOut, cell_of, functions_of
from osh_conformance.plan.targets import check_flavor_names, live_targets, read_flavors
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
#: The format in which the suite's own registry serves an image unless another one is requested.
DEFAULT_FORMAT = "docker"


class LiveSuite:
    """The cell runs of a live run.

    - errors: by path, why a chart of a tree, or a PATH beside others, cannot be read.
    - scenarios: those of the run, each once.
    - left_out: cells that `all` requests and that this run cannot have.
    - cell_runs: each scenario on each other cell.
    """

    def __init__(self, options: LiveOptions, found: Sequence[ChartTarget] | None = None) -> None:
        """Read everything that the options name; raises `UsageError` for anything wrong in it.

        `found` are the targets of the static half of the run: the charts are not read again. Raises `UsageError` also
        for a chart that requests more than a namespace of its own, unless the options allow that.
        """
        self.options = options
        self._functions: dict[str, Mapping[str, str]] = {}
        for helm_major in options.helm_majors:
            if helm_major not in HELM_MAJORS:
                raise UsageError(f"no Helm major {helm_major}", expected=" or ".join(map(str, HELM_MAJORS)))
        if options.kubeconfig:
            check_named(options.kubeconfig, options.context, options.allow_cluster)
        self.scenarios = selection.select_scenarios(scenarios.known(options.data), options)
        self._rules = frozenset(
            selected_rules(options.select, options.ignore, (*registry.live_rules(), *registry.matrix_rules()))
        )
        self._formats = selection.axis_values(
            definitions.formats(options.data), options.packaging_formats, "format", DEFAULT_FORMAT
        )
        self._runtimes = selection.select_runtimes(options)
        targets, self.errors = live_targets(options, found)
        self._own_flavors = read_flavors(options.flavor_files, targets)
        cells = [cell for target in targets for cell in self._cells_of(target)]
        if options.shard:
            cells = list(in_part(cells, options.shard, lambda each: each[1].id))
        reasons = {cell.id: self._left_out_reason(target, axes) for target, cell, axes in cells}
        self.left_out = tuple(LeftOut(cell=cell, reason=reasons[cell.id]) for _, cell, _ in cells if reasons[cell.id])
        self.cell_runs = tuple(self._cell_runs([each for each in cells if not reasons[each[1].id]]))
        requests = consent.requested(self.cell_runs, lambda: self.renderer)
        self._privileged, self._own_images = requests.access, requests.images
        if not options.allow_privileged:
            consent.check(self.cell_runs, self._privileged)

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
        arguments += (consent.OPTION,) if self.options.allow_privileged else ()
        return shlex.join(("osh-conformance", "live", cell.path, *arguments, *self.options.repeated))

    def graded(self, verdict: Verdict, cell_run: CellRun) -> Verdict:
        """Return `verdict` with the severity that this run gives to its findings.

        A finding is a warning where a chart runs on images that hold less than its convention requires; with `strict`
        a warning fails.
        """
        if not verdict.findings:
            return verdict
        findings = verdict.findings
        if cell_run.axes.flavor.tier is Tier.MINIMAL and cell_run.convention.image_contract is not Tier.MINIMAL:
            findings = tuple(replace(each, severity=Severity.WARNING, status=Status.WARNING) for each in findings)
        if self.options.strict:
            findings = tuple(
                replace(each, status=Status.FAIL) if each.status is Status.WARNING else each for each in findings
            )
        return Verdict.of(verdict.rule, findings)

    def functions(self, target: ChartTarget) -> Mapping[str, str]:
        """Return by image key of a chart the standard function of the key, "" for a component's."""
        if target.name not in self._functions:
            self._functions[target.name] = functions_of(target)
        return self._functions[target.name]

    def images(self, cell_run: CellRun) -> frozenset[str]:
        """Return the references of the images that a cell run needs, without those of the suite itself."""
        flavor, target = cell_run.axes.flavor, cell_run.target
        if cell_run.scenario.probes:
            return frozenset()
        if flavor.shipped:
            return self._own_images.get((target.name, flavor.name, cell_run.scenario.name), frozenset())
        return frozenset(flavor.references(target.name, self.functions(target)).values())

    def conventions(self) -> tuple[Convention, ...]:
        """Return the conventions of the charts that run, each once."""
        return tuple({cell_run.convention.name: cell_run.convention for cell_run in self.cell_runs}.values())

    def privileged(self) -> Mapping[str, Sequence[str]]:
        """Return by the path of each chart the privileged access that it requests and gets, one line an object."""
        return consent.by_chart(self.cell_runs, self._privileged)

    def pod_security(self, cell_run: CellRun) -> dict[str, str]:
        """Return the Pod Security labels of every namespace of a cell run."""
        key = (cell_run.target.name, cell_run.axes.flavor.name)
        return privileges.pod_security(() if cell_run.scenario.probes else self._privileged.get(key, ()))

    def comparable(self, cell_run: CellRun) -> tuple[CellRun, ...]:
        """Return the cell runs of the same scenario on other cells of the same chart."""
        return tuple(
            other
            for other in self.cell_runs
            if other.target is cell_run.target and other.scenario is cell_run.scenario and other.cell != cell_run.cell
        )

    # -- the matrix ---------------------------------------------------------------------------------------------------

    def _cells_of(self, target: ChartTarget) -> list[tuple[ChartTarget, Cell, AxisValues]]:
        axes = Axes(
            flavors=self._flavors(target.entry.flavor if target.entry else "shipped"),
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
                )

    def _flavors(self, default: str) -> Sequence[Flavor]:
        names = self.options.flavors
        shipped = (
            []
            if self._own_flavors and not names
            else selection.axis_values(definitions.flavors(self.options.data), names, "flavor", default)
        )
        flavors = [*self._own_flavors.values(), *shipped]
        check_flavor_names(flavors)
        return flavors

    def _flavor_lacking(self, target: ChartTarget, flavor: Flavor) -> str:
        """Return why a flavor does not fit a chart, "" if it does. A flavor that the user named breaks its cell."""
        if ALL not in self.options.flavors or flavor in self._own_flavors.values():
            return ""
        try:
            flavor.references(target.name, self.functions(target))
        except UsageError as error:
            return error.message
        return ""

    def _left_out_reason(self, target: ChartTarget, axes: AxisValues) -> str:
        """Return why this run cannot have a cell, "" if it can, as far as is known without a cluster."""
        reason = selection.runtime_lacking(axes.runtime, self.options) if axes.runtime else ""
        reason = reason or self._flavor_lacking(target, axes.flavor)
        if reason:
            return reason
        if axes.packaging_format.name == DEFAULT_FORMAT:
            return ""
        if self.options.kubeconfig:
            return "images of that cluster come from registries that the suite does not fill"
        if axes.flavor.shipped:
            return "in another format the reference would not be the chart's own"
        return ""
