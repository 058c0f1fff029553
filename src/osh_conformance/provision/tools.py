"""The tools of a run: found on this machine, or built from recipes."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from osh_conformance.errors import SuiteError, UsageError
from osh_conformance.folders import Folders, default_folders
from osh_conformance.progress import Progress
from osh_conformance.provision.build import Builder, free_bytes, gib, start_docker
from osh_conformance.provision.docker import OUR_HOST, Docker, named_host
from osh_conformance.provision.machine import look, with_docker
from osh_conformance.provision.prerequisites import install_packages, which

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from osh_conformance.provision.machine import MachineInfo
    from osh_conformance.provision.recipes import Recipe, Recipes

_SETUP = "osh-conformance setup"
_NODE_RECIPE = "node-image"
_DOCKER_RECIPE = "engine"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """The tools of a run. `node_image` None: kind's own default. `helm` maps a major version to its program."""

    docker: Docker
    kind: Path
    helm: Mapping[int, Path]
    node_image: str | None
    kind_config: Path | None
    offline: bool
    folders: Folders
    recipes: Recipes | None = None
    registry_answer: str = ""

    def builder(self, progress: Progress) -> Builder | None:
        """Return a builder of the recipes; None if there are none."""
        if self.recipes is None:
            return None
        return Builder(
            recipes=self.recipes,
            folders=self.folders,
            progress=progress,
            docker=self.docker,
            can_pull=lambda _: not self.offline,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupPlan:
    """The recipes that `setup` has to build, and the problems that no recipe solves."""

    recipes: tuple[Recipe, ...]
    wanted: tuple[str, ...]
    start_docker: bool
    problems: tuple[str, ...]

    @property
    def minutes(self) -> float:
        """Minutes that the builds take without any cache, on two cores."""
        return sum(recipe.minutes for recipe in self.recipes)

    @property
    def mebibytes(self) -> int:
        """Disk space that the builds take, in MiB."""
        return sum(recipe.disk_mib for recipe in self.recipes)


@dataclass(slots=True)
class _Planner:
    machine: MachineInfo
    builder: Builder | None
    wanted: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    start_docker: bool = False

    def request(self, recipe: str, problem: str) -> None:
        """Plan to build a recipe, or record the problem that it would solve."""
        if self.builder is None:
            self.problems.append(f"{problem} There are no recipes to build it from (use --recipes DIR).")
        elif recipe not in self.builder.recipes:
            self.problems.append(f"{problem} There is no recipe `{recipe}` in {self.builder.recipes.root}.")
        else:
            self.wanted.append(recipe)

    def docker(self) -> None:
        if self.machine.docker is not None:
            return
        problem = f"This user has no Docker Engine: {self.machine.docker_problem}."
        if named := named_host():
            self.problems.append(f"{problem} DOCKER_HOST names {named}: start that engine, or unset DOCKER_HOST.")
            return
        if not self.machine.root:
            self.problems.append(
                f"{problem} Install or start Docker, or add this user to the group docker. Only root can let `setup` "
                "provide an engine."
            )
            return
        self.request(_DOCKER_RECIPE, problem)
        self.start_docker = True

    def programs(self, helm_majors: Sequence[int]) -> None:
        if self.machine.kind is None:
            self.request("kind", f"There is no kind: {self.machine.kind_problem}.")
        for major in helm_majors:
            if major not in self.machine.helm:
                self.request(f"helm{major}", f"There is no helm {major} on PATH.")

    def node(self, node_image: str | None, *, own: bool) -> None:
        if node_image or (self.machine.registry.ok and not own):
            return
        if not self.machine.registry.ok:
            problem = f"No container registry is reachable to pull a node image from ({self.machine.registry.answer})."
        else:
            problem = "The published node images have no container runtime except runc."
        self.request(_NODE_RECIPE, problem)


def plan(
    machine: MachineInfo,
    builder: Builder | None,
    *,
    helm: Sequence[int],
    node_image: str | None,
    own_node: bool = False,
) -> SetupPlan:
    """Return what the machine lacks for a run; with `own_node` the node image must come from our recipe."""
    planner = _Planner(machine, builder)
    planner.docker()
    planner.programs(helm)
    planner.node(node_image, own=own_node)
    return SetupPlan(
        recipes=builder.missing(planner.wanted) if builder else (),
        wanted=tuple(planner.wanted),
        start_docker=planner.start_docker,
        problems=tuple(planner.problems),
    )


def find(  # noqa: PLR0913
    *,
    recipes: Path | None = None,
    helm: Sequence[int] = (4,),
    node_image: str | None = None,
    own_node: bool = False,
    folders: Folders | None = None,
    progress: Progress | None = None,
) -> Tools:
    """Return the tools of this machine, and build none.

    Raises `SuiteError` with everything that is missing. An image that Docker lost since it was built is loaded again.
    """
    folders = folders or default_folders()
    machine = look(recipes)
    builder = builder_for(machine, folders, progress or Progress(quiet=True))
    missing = plan(machine, builder, helm=helm, node_image=node_image, own_node=own_node)
    lacks = [f"{recipe.name}: {recipe.summary}" for recipe in missing.recipes]
    if missing.start_docker and not missing.recipes:
        lacks.append("the Docker Engine that `setup` provided is not running")
    if missing.problems or lacks:
        raise SuiteError(
            "this machine is not set up for a live run", fix=_SETUP, details="\n".join([*missing.problems, *lacks])
        )
    return _assemble(machine, builder, folders, missing, node_image)


def provide(  # noqa: PLR0913
    *,
    recipes: Path | None = None,
    helm: Sequence[int] = (3, 4),
    node_image: str | None = None,
    own_node: bool = False,
    folders: Folders | None = None,
    progress: Progress | None = None,
) -> Tools:
    """Return the tools of this machine, after building the missing ones; it announces time and disk space first.

    Raises `SuiteError`, before it builds anything, if there is a problem that no recipe solves.
    """
    folders = folders or default_folders()
    progress = progress or Progress()
    machine = look(recipes)
    builder = builder_for(machine, folders, progress)
    missing = plan(machine, builder, helm=helm, node_image=node_image, own_node=own_node)
    if missing.problems:
        raise SuiteError("this machine cannot be set up for a live run", details="\n".join(missing.problems))
    if builder and (missing.recipes or missing.start_docker):
        _announce(machine, missing, folders, progress)
        machine = _build(machine, builder, missing, progress)
    return _assemble(machine, builder, folders, missing, node_image)


def builder_for(machine: MachineInfo, folders: Folders, progress: Progress) -> Builder | None:
    """Return a builder of a machine's recipes; None if there are none."""
    if machine.recipes is None:
        return None
    return Builder(
        recipes=machine.recipes,
        folders=folders,
        progress=progress,
        docker=machine.docker,
        can_pull=lambda _: machine.registry.ok,
    )


def _announce(machine: MachineInfo, missing: SetupPlan, folders: Folders, progress: Progress) -> None:
    if not missing.recipes:
        return
    progress.say("This machine lacks some of what a live run needs:")
    if machine.docker is None:
        progress.say(f"  - a Docker Engine ({machine.docker_problem})")
    if not machine.registry.ok:
        progress.say(f"  - a container registry ({machine.registry.answer})")
    names = ", ".join(recipe.name for recipe in missing.recipes)
    root = machine.recipes.root if machine.recipes else ""
    progress.say(f"`setup` builds these from package registries and the recipes in {root}:")
    progress.say(f"  {names}")
    progress.say(f"  about {missing.minutes:g} minutes on two cores; `{_SETUP} --remove` removes them")
    free = gib(free_bytes(folders.cache))
    progress.say(f"  {gib(missing.mebibytes * 2**20)} of disk space below {folders.cache} ({free} free)")


def _build(machine: MachineInfo, builder: Builder, missing: SetupPlan, progress: Progress) -> MachineInfo:
    """Build what is missing; Docker first, because other recipes build with it."""
    if missing.start_docker:
        recipe = builder.recipes[_DOCKER_RECIPE]
        install_packages(recipe, progress, builder.folders.logs)
        builder.provide([_DOCKER_RECIPE])
        with progress.step("engine: start Docker"):
            start_docker(builder)
        program = which("docker")
        if program is None:
            raise SuiteError("the Debian package of Docker installed no docker program")
        builder.docker = Docker(program=program, host=OUR_HOST)
        machine = with_docker(machine, builder.docker)
    builder.provide(missing.wanted)
    return machine


def _assemble(
    machine: MachineInfo, builder: Builder | None, folders: Folders, built: SetupPlan, node_image: str | None
) -> Tools:
    if machine.docker is None:
        raise SuiteError(f"there is no Docker Engine: {machine.docker_problem}", fix=_SETUP)
    helm = {major: program.path for major, program in machine.helm.items()}
    files = {name: builder.place(name) / builder.recipes[name].files[0] for name in built.wanted} if builder else {}
    for major in (3, 4):
        if f"helm{major}" in files:
            helm[major] = files[f"helm{major}"]
    config: Path | None = None
    if builder and _NODE_RECIPE in built.wanted:
        node_image = builder.image(_NODE_RECIPE)
        config = builder.place(_NODE_RECIPE) / "kind-config.yaml"
    return Tools(
        docker=machine.docker,
        kind=machine.kind.path if machine.kind else files["kind"],
        helm=MappingProxyType(dict(sorted(helm.items()))),
        node_image=node_image,
        kind_config=config if config and config.exists() else None,
        offline=not machine.registry.ok,
        folders=folders,
        recipes=machine.recipes,
        registry_answer=machine.registry.answer,
    )


def open_builder(recipes: Path | None, progress: Progress) -> Builder:
    """Return a builder of single recipes on this machine; raises `UsageError` if there are no recipes."""
    builder = builder_for(look(recipes), default_folders(), progress)
    if builder is None:
        raise UsageError("there are no recipes here", fix="use --recipes DIR, or run this in a checkout")
    return builder
