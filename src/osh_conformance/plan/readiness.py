"""Whether a machine is ready for live runs: its tools, the images of a run, and what `setup` would still do.

`doctor` prints it, and `setup` acts on it. `live` asks the same two questions before it creates a cluster: which tools
(`provision/tools.py`), and which images (`registry/supply.py`).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from osh_conformance import host
from osh_conformance.provision import tools
from osh_conformance.provision.machine import look
from osh_conformance.provision.registries import PATIENT, QUICK, Registries
from osh_conformance.registry.images import REGISTRY_IMAGE
from osh_conformance.registry.supply import Source, Supplies

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from osh_conformance.folders import Folders
    from osh_conformance.progress import Progress
    from osh_conformance.provision.build import Builder
    from osh_conformance.provision.machine import MachineInfo
    from osh_conformance.provision.recipes import Recipe
    from osh_conformance.provision.tools import RunNeeds, SetupPlan
    from osh_conformance.registry.supply import Supply


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """The state of a machine for a run.

    - setup: the tools that are missing, and what provides them.
    - images: where each image of the run comes from.
    - recipes: everything that `setup` would build, in order.
    - problems: what neither a recipe nor a registry provides; "Ready" means that there is none.
    """

    machine: MachineInfo
    builder: Builder | None
    setup: SetupPlan
    images: tuple[Supply, ...]
    recipes: tuple[Recipe, ...]
    problems: tuple[str, ...]

    @property
    def pulls(self) -> tuple[str, ...]:
        """The references of the images to pull."""
        return tuple(image.reference for image in self.images if image.source is Source.PULL)

    @property
    def minutes(self) -> float:
        """Minutes that the builds take without any cache, on two cores."""
        return sum(recipe.minutes for recipe in self.recipes)

    @property
    def mebibytes(self) -> int:
        """Disk space that the builds take, in MiB."""
        return sum(recipe.disk_mib for recipe in self.recipes)


def examine(  # noqa: PLR0913
    needs: RunNeeds,
    references: Iterable[str],
    folders: Folders,
    progress: Progress,
    *,
    recipes: Path | None = None,
    programs: Iterable[str] = (),
    patience: float = PATIENT,
) -> Readiness:
    """Return the state of this machine for a run with these images. Changes nothing.

    `programs` are recipes of container runtimes, `patience` the seconds to wait for a registry. Raises `UsageError` for
    a wrong folder of recipes.
    """
    references = (*references, REGISTRY_IMAGE)
    machine = look(recipes, patience) if patience > QUICK else _look_quickly(recipes, references)
    builder = tools.builder_for(machine, folders, progress)
    setup = tools.plan(machine, builder, needs)
    images = _images(machine, builder, setup, needs, references)
    made = [image.recipe for image in images if image.recipe]
    wanted = [*setup.wanted, *made, *programs]
    problems = (
        *host.live_problems(),
        *setup.problems,
        *(builder.problems(wanted) if builder else ()),
        *(_problem(image) for image in images if image.source is Source.MISSING),
    )
    return Readiness(
        machine=machine,
        builder=builder,
        setup=setup,
        images=images,
        recipes=builder.missing(wanted) if builder and not problems else (),
        problems=problems,
    )


def _look_quickly(recipes: Path | None, references: Sequence[str]) -> MachineInfo:
    """Return the state of the machine. Registries are asked meanwhile: silent ones take a second to be known."""
    early = Registries()
    with ThreadPoolExecutor(max_workers=1) as pool:
        asked = pool.submit(early.ask, references)
        machine = look(recipes)
        asked.result()
    machine.registries.adopt(early)
    return machine


def _images(
    machine: MachineInfo, builder: Builder | None, setup: SetupPlan, needs: RunNeeds, references: Sequence[str]
) -> tuple[Supply, ...]:
    if setup.problems:
        # Without an engine nothing can have an image, and each of them would repeat that.
        return ()
    supplies = Supplies(
        docker=machine.docker, builder=builder, registries=machine.registries, coming=tuple(setup.wanted)
    )
    return supplies.forecast([*references, *_node(machine, setup, needs)])


def _node(machine: MachineInfo, setup: SetupPlan, needs: RunNeeds) -> tuple[str, ...]:
    """Return the node image that must come from Docker or a registry; empty if a recipe makes it."""
    if tools.NODE_RECIPE in setup.wanted:
        return ()
    image = needs.node_image or tools.default_node(machine)
    return (image,) if image else ()


def _problem(image: Supply) -> str:
    fix = f" To fix it: {image.fix}." if image.fix else ""
    return f"There is no image {image.reference}: {image.problem}.{fix}"
