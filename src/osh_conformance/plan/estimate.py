"""What a live run would do: cells, what it leaves out, what has to be there first, and how long it will take."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from osh_conformance.folders import default_folders
from osh_conformance.loading import records
from osh_conformance.plan import timings
from osh_conformance.plan.capacity import carried
from osh_conformance.progress import Progress
from osh_conformance.provision import machine
from osh_conformance.provision.build import Builder
from osh_conformance.registry import images

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from osh_conformance.model.matrix import Cell
    from osh_conformance.plan.plan import CellRun, LeftOut, LiveSuite
    from osh_conformance.provision.machine import MachineInfo

#: What making and removing a cluster takes, in seconds.
_CLUSTER = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCell:
    """A cell and its scenarios.

    `seconds` by past runs, of all and of the `longest`; `measured` says whether all of them were run here before.
    """

    cell: Cell
    scenarios: tuple[str, ...]
    seconds: float
    longest: float
    measured: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NeededImage:
    """An image that is not here yet. `minutes` is how long building it takes, None where it is pulled."""

    reference: str
    origin: str
    minutes: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlan:
    """What would be run, `parallel` scenarios at a time.

    `privileged` is by its path what a chart asks for beyond a namespace of its own, and is allowed to.
    """

    cells: tuple[PlannedCell, ...]
    left_out: tuple[LeftOut, ...]
    needed: tuple[NeededImage, ...]
    parallel: int
    privileged: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """How long the run takes from images that are there: the scenarios, side by side, and the cluster."""
        longest = max((each.longest for each in self.cells), default=0.0)
        return _CLUSTER * bool(self.cells) + max(longest, sum(each.seconds for each in self.cells) / self.parallel)

    @property
    def minutes_to_build(self) -> float:
        """How long building what is missing takes, in minutes."""
        return sum(each.minutes or 0.0 for each in self.needed)


def of(suite: LiveSuite) -> RunPlan:
    """Look at this machine and at past runs; changes nothing."""
    return RunPlan(
        cells=tuple(_planned(suite)),
        left_out=suite.left_out,
        needed=tuple(_needed(suite)),
        parallel=suite.request.parallel or carried(),
        privileged=suite.privileged(),
    )


def _planned(suite: LiveSuite) -> Iterator[PlannedCell]:
    known = timings.read(default_folders())
    by_cell: dict[str, list[CellRun]] = {}
    for pair in suite.pairs:
        by_cell.setdefault(pair.cell.id, []).append(pair)
    for pairs in by_cell.values():
        times = [timings.expected(known, pair.id, _alike(pair, suite)) for pair in pairs]
        yield PlannedCell(
            cell=pairs[0].cell,
            scenarios=tuple(pair.scenario.name for pair in pairs),
            seconds=sum(seconds for seconds, _ in times),
            longest=max(seconds for seconds, _ in times),
            measured=all(measured for _, measured in times),
        )


def _alike(pair: CellRun, suite: LiveSuite) -> Sequence[str]:
    return [other.id for other in suite.pairs if other.scenario is pair.scenario]


def _needed(suite: LiveSuite) -> Iterator[NeededImage]:
    seen = machine.look(suite.request.recipes)
    builder = None
    if seen.recipes:
        builder = Builder(
            recipes=seen.recipes, folders=default_folders(), progress=Progress(quiet=True), docker=seen.docker
        )
    for reference in sorted(_references(suite)):
        image = _needed_image(reference, seen, builder)
        if image:
            yield image


def _references(suite: LiveSuite) -> set[str]:
    return {
        reference
        for pair in suite.pairs
        for reference in records.references(
            pair.chosen.flavor, pair.subject.name, suite.functions(pair.subject)
        ).values()
    }


def _needed_image(reference: str, seen: MachineInfo, builder: Builder | None) -> NeededImage | None:
    recipe = images.recipe_of(reference, builder.recipes) if builder else None
    if builder and recipe and recipe.image and (recipe.image.origin == images.BUILT or not seen.registry.ok):
        missing = builder.missing([recipe.name])
        if not missing:
            return None
        return NeededImage(
            reference=reference, origin=recipe.image.origin, minutes=sum(each.minutes for each in missing)
        )
    if seen.docker and seen.docker.has_image(images.name(reference).canonical):
        return None
    return NeededImage(reference=reference, origin=images.PUBLISHED, minutes=None)
