"""Estimates a live run: its cells, the images that are missing, and how long it will take."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from osh_conformance.folders import default_folders
from osh_conformance.plan import timings
from osh_conformance.plan.capacity import carried
from osh_conformance.plan.servers import servers_of
from osh_conformance.progress import Progress
from osh_conformance.provision import machine
from osh_conformance.provision.tools import builder_for
from osh_conformance.registry.images import PUBLISHED
from osh_conformance.registry.supply import Source, Supplies

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from osh_conformance.model.matrix import Cell
    from osh_conformance.model.reduction import Reduction
    from osh_conformance.plan.cells import CellRun, LeftOut
    from osh_conformance.plan.plan import LiveSuite
    from osh_conformance.provision.build import Builder
    from osh_conformance.registry.supply import Supply

#: Seconds to create and remove a cluster.
_CLUSTER = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCell:
    """A cell and its scenarios.

    `seconds` is the sum over its scenarios, `longest` the longest one, both by past runs. `measured` says whether this
    machine ran all of them before.
    """

    cell: Cell
    scenarios: tuple[str, ...]
    seconds: float
    longest: float
    measured: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedChart:
    """A chart that others need, installed once: with which flavor and which servers, and for which charts.

    `seconds` is the time to install it, by past runs; `measured` says whether there was one on this machine.
    """

    chart: str
    flavor: str
    servers: tuple[str, ...]
    users: tuple[str, ...]
    seconds: float
    measured: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NeededImage:
    """An image that this machine lacks.

    `minutes` is the time to build it, None for an image that is pulled. `problem` says why nobody provides it, or "".
    """

    reference: str
    origin: str
    minutes: float | None
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlan:
    """The cells that a live run would run, `parallel` scenarios at a time.

    - shared: the charts that the cells need, in the order of their installation.
    - servers: by chart the suite's own servers in each of its cells, for charts that have more than a database server.
    - reductions: by chart and flavor what a reduced run leaves of the chart.
    - privileged: by the path of each chart the privileged access that it requests and gets.
    """

    cells: tuple[PlannedCell, ...]
    left_out: tuple[LeftOut, ...]
    needed: tuple[NeededImage, ...]
    parallel: int
    privileged: Mapping[str, Sequence[str]] = field(default_factory=dict)
    shared: tuple[SharedChart, ...] = ()
    servers: Mapping[str, Sequence[str]] = field(default_factory=dict)
    reductions: Mapping[str, Reduction] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """The seconds of a run whose images are all there: the cluster, shared charts, and scenarios side by side."""
        longest = max((each.longest for each in self.cells), default=0.0)
        before = _CLUSTER * bool(self.cells) + sum(each.seconds for each in self.shared)
        return before + max(longest, sum(each.seconds for each in self.cells) / self.parallel)

    @property
    def minutes_to_build(self) -> float:
        """The minutes to build the missing images."""
        return sum(each.minutes or 0.0 for each in self.needed)


def estimate(suite: LiveSuite) -> RunPlan:
    """Estimate a live run by this machine's images and its past runs; changes nothing."""
    return RunPlan(
        cells=tuple(_planned(suite)),
        left_out=suite.left_out,
        needed=tuple(_needed(suite)),
        parallel=suite.options.parallel or carried(),
        privileged=suite.privileged(),
        shared=tuple(shared_charts(suite, timings.read(default_folders()))),
        servers=servers(suite),
        reductions=_reductions(suite),
    )


def _reductions(suite: LiveSuite) -> dict[str, Reduction]:
    """Return by chart what is left of it; by chart and flavor where flavors leave different things."""
    by_chart: dict[str, dict[str, Reduction]] = {}
    for cell_run in suite.cell_runs:
        if cell_run.reduction:
            by_chart.setdefault(cell_run.target.name, {})[cell_run.cell.flavor] = cell_run.reduction
    found: dict[str, Reduction] = {}
    for chart, by_flavor in by_chart.items():
        first, *others = by_flavor.values()
        same = all(other == first for other in others)
        found |= {chart: first} if same else {f"{chart} ({name})": each for name, each in by_flavor.items()}
    return found


def shared_charts(suite: LiveSuite, past: Mapping[str, list[float]]) -> Iterator[SharedChart]:
    """Yield the charts that others need, in the order of their installation; `past` are the seconds of past runs."""
    for each in suite.shared:
        needing = (*suite.cell_runs, *suite.shared)
        seconds, measured = timings.expected(past, each.id, [other.id for other in suite.shared])
        yield SharedChart(
            chart=each.target.name,
            flavor=each.cell.flavor,
            servers=tuple(server.name for server in servers_of(each.target, each.scenario)),
            users=tuple(dict.fromkeys(other.target.name for other in needing if each in other.needs)),
            seconds=seconds,
            measured=measured,
        )


def servers(suite: LiveSuite) -> dict[str, Sequence[str]]:
    """Return by chart the suite's own servers in a cell, for charts that have more than a database server."""
    found: dict[str, Sequence[str]] = {}
    for cell_run in suite.cell_runs:
        names = [server.name for server in servers_of(cell_run.target, cell_run.scenario)]
        if len(names) > 1:
            found[cell_run.target.name] = names
    return found


def _planned(suite: LiveSuite) -> Iterator[PlannedCell]:
    past = timings.read(default_folders())
    by_cell: dict[str, list[CellRun]] = {}
    for cell_run in suite.cell_runs:
        by_cell.setdefault(cell_run.cell.id, []).append(cell_run)
    for cell_runs in by_cell.values():
        times = [timings.expected(past, cell_run.id, _alike(cell_run, suite)) for cell_run in cell_runs]
        yield PlannedCell(
            cell=cell_runs[0].cell,
            scenarios=tuple(cell_run.scenario.name for cell_run in cell_runs),
            seconds=sum(seconds for seconds, _ in times),
            longest=max(seconds for seconds, _ in times),
            measured=all(measured for _, measured in times),
        )


def _alike(cell_run: CellRun, suite: LiveSuite) -> Sequence[str]:
    """Return the ids of the cell runs of the same scenario."""
    return [other.id for other in suite.cell_runs if other.scenario is cell_run.scenario]


def _needed(suite: LiveSuite) -> Iterator[NeededImage]:
    info = machine.look(suite.options.recipes)
    builder = builder_for(info, default_folders(), Progress(quiet=True))
    supplies = Supplies(docker=info.docker, builder=builder, registries=info.registries)
    for supply in supplies.forecast({each for cell_run in suite.cell_runs for each in suite.images(cell_run)}):
        if supply.source not in {Source.IN_DOCKER, Source.BUILT}:
            yield _needed_image(supply, builder)


def _needed_image(supply: Supply, builder: Builder | None) -> NeededImage:
    if builder is None or not supply.recipe:
        return NeededImage(reference=supply.reference, origin=PUBLISHED, minutes=None, problem=supply.problem)
    recipe = builder.recipes[supply.recipe]
    origin = recipe.image.origin if recipe.image else PUBLISHED
    missing = builder.missing([recipe.name])
    return NeededImage(reference=supply.reference, origin=origin, minutes=sum(each.minutes for each in missing))
