"""The tools of a run: found on this machine, or built from recipes."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from osh_conformance.errors import SuiteError, UsageError
from osh_conformance.folders import Folders, default_folders
from osh_conformance.progress import Progress
from osh_conformance.provision.build import Builder, start_docker
from osh_conformance.provision.docker import OUR_HOST, Docker, choice
from osh_conformance.provision.kind_program import default_node_image
from osh_conformance.provision.machine import look, with_docker
from osh_conformance.provision.prerequisites import install_packages, which
from osh_conformance.provision.registries import PATIENT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from osh_conformance.provision.machine import MachineInfo
    from osh_conformance.provision.recipes import Recipe, Recipes
    from osh_conformance.provision.registries import Registries

_SETUP = "osh-conformance setup"
#: The recipe of the suite's own node image.
NODE_RECIPE = "node-image"
#: The repository of kind's node images.
_NODE_REPOSITORY = "docker.io/kindest/node"
_DOCKER_RECIPE = "engine"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunNeeds:
    """What a live run needs of a machine.

    - helm: the major versions of Helm.
    - node_image: the node image that the user names; None for kind's own default.
    - own_node: the node image must be the one of our recipe, because of its container runtimes.
    - own_cluster: the suite creates the cluster. A run on a cluster of the user needs neither Docker nor kind.
    """

    helm: Sequence[int] = (4,)
    node_image: str | None = None
    own_node: bool = False
    own_cluster: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """The tools of a run. `node_image` None: kind's own default. `helm` maps a major version to its program.

    A run on a cluster of the user needs no Docker Engine and no kind: then `engine` and `kind_program` may be None.
    """

    engine: Docker | None
    kind_program: Path | None
    helm: Mapping[int, Path]
    node_image: str | None
    kind_config: Path | None
    registries: Registries
    folders: Folders
    recipes: Recipes | None = None

    @property
    def docker(self) -> Docker:
        """The Docker Engine; raises `SuiteError` if there is none."""
        if self.engine is None:
            raise SuiteError("there is no Docker Engine", fix=_SETUP)
        return self.engine

    @property
    def kind(self) -> Path:
        """The kind program; raises `SuiteError` if there is none."""
        if self.kind_program is None:
            raise SuiteError("there is no kind program", fix=_SETUP)
        return self.kind_program

    def builder(self, progress: Progress) -> Builder | None:
        """Return a builder of the recipes; None if there are none."""
        if self.recipes is None:
            return None
        return _builder(self.recipes, self.folders, progress, self.engine, self.registries)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupPlan:
    """The recipes that `setup` has to build, and the problems that no recipe solves."""

    recipes: tuple[Recipe, ...]
    wanted: tuple[str, ...]
    start_docker: bool
    problems: tuple[str, ...]


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
        if self.machine.docker_refused:
            self.problems.append(f"This suite cannot use the engine of this user: {self.machine.docker_problem}.")
            return
        problem = f"This user has no Docker Engine: {self.machine.docker_problem}."
        if chosen := choice():
            self.problems.append(f"{problem} {chosen.words}: start that engine, or {chosen.undo}.")
            return
        if not self.machine.root:
            self.problems.append(
                f"{problem} Install or start Docker, or add this user to the group docker. Only root can let `setup` "
                "provide an engine."
            )
            return
        self.request(_DOCKER_RECIPE, problem)
        self.start_docker = True

    def kind(self) -> None:
        if self.machine.kind is None:
            self.request("kind", f"kind is missing: {self.machine.kind_problem}.")

    def helm(self, majors: Sequence[int]) -> None:
        for major in majors:
            if major not in self.machine.helm:
                self.request(f"helm{major}", f"There is no helm {major} on PATH.")

    def node(self, needs: RunNeeds) -> None:
        if needs.node_image:
            return
        if needs.own_node:
            self.request(NODE_RECIPE, "The published node images have no container runtime except runc.")
        elif silence := self.node_silence():
            self.request(NODE_RECIPE, f"No registry answers from which to pull a node image ({silence}).")

    def node_silence(self) -> str:
        """Return why nobody can provide kind's own node image; "" if Docker has it, or its registry may answer."""
        docker = self.machine.docker
        reference = default_node(self.machine) or _NODE_REPOSITORY
        if docker is not None and docker.has_image(reference):
            return ""
        return self.machine.registries.silence(reference)


def default_node(machine: MachineInfo) -> str | None:
    """Return the node image that kind chooses by itself; None if there is no kind yet, or its program names none."""
    return default_node_image(machine.kind.path) if machine.kind else None


def plan(machine: MachineInfo, builder: Builder | None, needs: RunNeeds) -> SetupPlan:
    """Return what the machine lacks for a run."""
    planner = _Planner(machine, builder)
    if needs.own_cluster:
        planner.docker()
        planner.kind()
        planner.node(needs)
    planner.helm(needs.helm)
    return SetupPlan(
        recipes=builder.missing(planner.wanted) if builder and not planner.problems else (),
        wanted=tuple(planner.wanted),
        start_docker=planner.start_docker,
        problems=tuple(planner.problems),
    )


def find(
    needs: RunNeeds,
    *,
    recipes: Path | None = None,
    folders: Folders | None = None,
    progress: Progress | None = None,
) -> Tools:
    """Return the tools of this machine, and build none.

    Raises `SuiteError` with everything that is missing. An image that Docker lost since it was built is loaded again.
    """
    folders = folders or default_folders()
    machine = look(recipes, PATIENT)
    builder = builder_for(machine, folders, progress or Progress(quiet=True))
    missing = plan(machine, builder, needs)
    lacks = [f"{recipe.name}: {recipe.summary}" for recipe in missing.recipes]
    if missing.start_docker and not missing.recipes:
        lacks.append("the Docker Engine that `setup` provided is not running")
    if missing.problems or lacks:
        raise SuiteError(
            "this machine is not set up for a live run",
            fix=f"{_SETUP}, with the options --flavor, --runtime, --helm and --node-image of this run",
            details="\n".join([*missing.problems, *lacks]),
        )
    return _assemble(machine, builder, folders, missing, needs)


def provide(machine: MachineInfo, builder: Builder | None, missing: SetupPlan, needs: RunNeeds) -> Tools:
    """Return the tools of a machine, after building what is missing.

    Raises `SuiteError`, before it builds anything, if there is a problem that no recipe solves.
    """
    if missing.problems:
        raise SuiteError("this machine cannot be set up for a live run", details="\n".join(missing.problems))
    if builder and (missing.recipes or missing.start_docker):
        machine = _build(machine, builder, missing, builder.progress)
    return _assemble(machine, builder, builder.folders if builder else default_folders(), missing, needs)


def builder_for(machine: MachineInfo, folders: Folders, progress: Progress) -> Builder | None:
    """Return a builder of a machine's recipes; None if there are none."""
    if machine.recipes is None:
        return None
    return _builder(machine.recipes, folders, progress, machine.docker, machine.registries)


def _builder(
    recipes: Recipes, folders: Folders, progress: Progress, docker: Docker | None, registries: Registries
) -> Builder:
    builder = Builder(recipes=recipes, folders=folders, progress=progress, docker=docker)

    def can_pull(reference: str) -> bool:
        silent = registries.silence(reference)
        return not silent or (builder.docker is not None and builder.docker.has_image(reference))

    builder.can_pull = can_pull
    return builder


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
    machine: MachineInfo, builder: Builder | None, folders: Folders, built: SetupPlan, needs: RunNeeds
) -> Tools:
    if needs.own_cluster and machine.docker is None:
        raise SuiteError(f"there is no Docker Engine: {machine.docker_problem}", fix=_SETUP)
    helm = {major: program.path for major, program in machine.helm.items()}
    files = {name: builder.place(name) / builder.recipes[name].files[0] for name in built.wanted} if builder else {}
    for major in (3, 4):
        if f"helm{major}" in files:
            helm[major] = files[f"helm{major}"]
    node_image = needs.node_image
    config: Path | None = None
    if builder and NODE_RECIPE in built.wanted:
        node_image = builder.image(NODE_RECIPE)
        config = builder.place(NODE_RECIPE) / "kind-config.yaml"
    return Tools(
        engine=machine.docker,
        kind_program=machine.kind.path if machine.kind else files.get("kind"),
        helm=MappingProxyType(dict(sorted(helm.items()))),
        node_image=node_image,
        kind_config=config if config and config.exists() else None,
        registries=machine.registries,
        folders=folders,
        recipes=machine.recipes,
    )


def open_builder(recipes: Path | None, progress: Progress) -> Builder:
    """Return a builder of single recipes on this machine; raises `UsageError` if there are no recipes."""
    builder = builder_for(look(recipes, PATIENT), default_folders(), progress)
    if builder is None:
        raise UsageError("there are no recipes here", fix="use --recipes DIR, or run this in a checkout")
    return builder
