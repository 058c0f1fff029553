"""The tools of a run: found, or provided by what this machine allows."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from osh_conformance.errors import SuiteError, UsageError
from osh_conformance.folders import Folders, default_folders
from osh_conformance.progress import Progress
from osh_conformance.provision import machine as surveys
from osh_conformance.provision.build import Builder, free_bytes, gib, install_packages, start_engine, which
from osh_conformance.provision.docker import OUR_HOST, Docker, named_host

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from osh_conformance.provision.machine import MachineInfo
    from osh_conformance.provision.recipes import Recipe, Recipes

_SETUP = "osh-conformance setup"
_NODE = "node-image"
_ENGINE = "engine"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What a run works with. `node_image` None: kind's own default. `helm` maps a major version to its program."""

    docker: Path
    docker_host: str | None
    kind: Path
    kubectl: Path | None
    helm: Mapping[int, Path]
    node_image: str | None
    kind_config: Path | None
    offline: bool
    folders: Folders
    book: Recipes | None = None
    registry_answer: str = ""

    @property
    def engine(self) -> Docker:
        """The Docker engine."""
        return Docker(docker=self.docker, host=self.docker_host)

    @property
    def env(self) -> Mapping[str, str]:
        """What each program that talks to the engine needs in its environment."""
        return self.engine.env

    def workshop(self, progress: Progress) -> Builder | None:
        """What builds the recipes; None where there are none."""
        if self.book is None:
            return None
        return Builder(book=self.book, folders=self.folders, progress=progress, engine=self.engine)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupPlan:
    """What is missing: the recipes that would make it, and what nothing here can provide."""

    recipes: tuple[Recipe, ...]
    wanted: tuple[str, ...]
    start_engine: bool
    problems: tuple[str, ...]

    @property
    def minutes(self) -> float:
        """How long building takes, cold, on two cores."""
        return sum(recipe.minutes for recipe in self.recipes)

    @property
    def mebibytes(self) -> int:
        """How much disk building takes."""
        return sum(recipe.disk_mib for recipe in self.recipes)


@dataclass(slots=True)
class _Planner:
    seen: MachineInfo
    workshop: Builder | None
    wanted: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    start_engine: bool = False

    def want(self, recipe: str, otherwise: str) -> None:
        if self.workshop is None:
            self.problems.append(f"{otherwise} There are no recipes to build it from (--recipes DIR names them).")
        elif recipe not in self.workshop.book:
            self.problems.append(f"{otherwise} There is no recipe `{recipe}` in {self.workshop.book.root}.")
        else:
            self.wanted.append(recipe)

    def engine(self) -> None:
        if self.seen.engine is not None:
            return
        told = f"There is no Docker engine for this user: {self.seen.engine_problem}."
        if named := named_host():
            self.problems.append(f"{told} DOCKER_HOST names {named}: start that engine, or unset DOCKER_HOST.")
            return
        if not self.seen.root:
            self.problems.append(
                f"{told} Install Docker, or start it, or let this user use it (group docker); providing one takes root."
            )
            return
        self.want(_ENGINE, told)
        self.start_engine = True

    def programs(self, majors: Sequence[int]) -> None:
        if self.seen.kind is None:
            self.want("kind", f"There is no kind: {self.seen.kind_problem}.")
        for major in majors:
            if major not in self.seen.helm:
                self.want(f"helm{major}", f"There is no helm {major} on PATH.")
        if self.seen.kubectl is None and self.workshop and "kubectl" in self.workshop.book:
            self.wanted.append("kubectl")

    def node(self, node_image: str | None, *, own: bool) -> None:
        if node_image or (self.seen.registry.ok and not own):
            return
        if not self.seen.registry.ok:
            told = f"No container registry can be reached to pull a node image ({self.seen.registry.answer})."
        else:
            told = "The published node images have no container runtime but runc."
        self.want(_NODE, told)


def plan(
    seen: MachineInfo, workshop: Builder | None, *, helm: Sequence[int], node_image: str | None, own_node: bool = False
) -> SetupPlan:
    """What is missing on a machine that was looked at; with `own_node` the node image must be of our recipe."""
    planner = _Planner(seen, workshop)
    planner.engine()
    planner.programs(helm)
    planner.node(node_image, own=own_node)
    return SetupPlan(
        recipes=workshop.missing(planner.wanted) if workshop else (),
        wanted=tuple(planner.wanted),
        start_engine=planner.start_engine,
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
    """Return the tools of this machine, without making anything.

    Raises `SuiteError` with all that is missing. An image that the engine lost since it was built is loaded again.
    """
    folders = folders or default_folders()
    seen = surveys.look(recipes)
    workshop = _workshop(seen, folders, progress or Progress(quiet=True))
    missing = plan(seen, workshop, helm=helm, node_image=node_image, own_node=own_node)
    told = [f"{recipe.name}: {recipe.summary}" for recipe in missing.recipes]
    if missing.start_engine and not missing.recipes:
        told.append("the Docker engine that the set-up provided does not run")
    if missing.problems or told:
        raise SuiteError(
            "this machine is not set up for a live run", fix=_SETUP, details="\n".join([*missing.problems, *told])
        )
    return _assemble(seen, workshop, folders, missing, node_image)


def provide(  # noqa: PLR0913
    *,
    recipes: Path | None = None,
    helm: Sequence[int] = (3, 4),
    node_image: str | None = None,
    own_node: bool = False,
    folders: Folders | None = None,
    progress: Progress | None = None,
) -> Tools:
    """Return the tools of this machine, and make those that are missing first, announced with time and disk.

    Raises `SuiteError` where something cannot be provided, before anything is made.
    """
    folders = folders or default_folders()
    progress = progress or Progress()
    seen = surveys.look(recipes)
    workshop = _workshop(seen, folders, progress)
    missing = plan(seen, workshop, helm=helm, node_image=node_image, own_node=own_node)
    if missing.problems:
        raise SuiteError("this machine cannot be set up for a live run", details="\n".join(missing.problems))
    if workshop and (missing.recipes or missing.start_engine):
        _announce(seen, missing, folders, progress)
        seen = _make(seen, workshop, missing, progress)
    return _assemble(seen, workshop, folders, missing, node_image)


def _workshop(seen: MachineInfo, folders: Folders, progress: Progress) -> Builder | None:
    if seen.book is None:
        return None
    return Builder(book=seen.book, folders=folders, progress=progress, engine=seen.engine)


def _announce(seen: MachineInfo, missing: SetupPlan, folders: Folders, progress: Progress) -> None:
    if not missing.recipes:
        return
    progress.say("This machine lacks some of what a live run needs:")
    if seen.engine is None:
        progress.say(f"  - a Docker engine ({seen.engine_problem})")
    if not seen.registry.ok:
        progress.say(f"  - a container registry ({seen.registry.answer})")
    names = ", ".join(recipe.name for recipe in missing.recipes)
    root = seen.book.root if seen.book else ""
    progress.say(f"So these are built now, from package registries and the recipes in {root}:")
    progress.say(f"  {names}")
    progress.say(f"  about {missing.minutes:g} minutes on two cores; `{_SETUP} --remove` removes them")
    free = gib(free_bytes(folders.cache))
    progress.say(f"  {gib(missing.mebibytes * 2**20)} of disk below {folders.cache} ({free} free)")


def _make(seen: MachineInfo, workshop: Builder, missing: SetupPlan, progress: Progress) -> MachineInfo:
    """Make what is missing; the engine first, since other recipes build with it."""
    if missing.start_engine:
        recipe = workshop.book[_ENGINE]
        install_packages(recipe, progress, workshop.folders.logs)
        workshop.provide([_ENGINE])
        with progress.step("engine: start Docker"):
            start_engine(workshop)
        docker = which("docker")
        if docker is None:
            raise SuiteError("the Debian package of Docker brought no docker program")
        workshop.engine = Docker(docker=docker, host=OUR_HOST)
        seen = surveys.with_engine(seen, workshop.engine)
    workshop.provide(missing.wanted)
    return seen


def _assemble(
    seen: MachineInfo, workshop: Builder | None, folders: Folders, made: SetupPlan, node_image: str | None
) -> Tools:
    if seen.engine is None:
        raise SuiteError(f"there is no Docker engine: {seen.engine_problem}", fix=_SETUP)
    helm = {major: program.path for major, program in seen.helm.items()}
    built = {name: workshop.place(name) / workshop.book[name].files[0] for name in made.wanted} if workshop else {}
    for major in (3, 4):
        if f"helm{major}" in built:
            helm[major] = built[f"helm{major}"]
    config: Path | None = None
    if workshop and _NODE in made.wanted:
        node_image = workshop.image(_NODE)
        config = workshop.place(_NODE) / "kind-config.yaml"
    kind = seen.kind.path if seen.kind else built["kind"]
    return Tools(
        docker=seen.engine.docker,
        docker_host=seen.engine.host,
        kind=kind,
        kubectl=seen.kubectl.path if seen.kubectl else built.get("kubectl"),
        helm=MappingProxyType(dict(sorted(helm.items()))),
        node_image=node_image,
        kind_config=config if config and config.exists() else None,
        offline=not seen.registry.ok,
        folders=folders,
        book=seen.book,
        registry_answer=seen.registry.answer,
    )


def open_builder(recipes: Path | None, progress: Progress) -> Builder:
    """What builds single recipes on this machine; raises `UsageError` where there are none."""
    seen = surveys.look(recipes)
    workshop = _workshop(seen, default_folders(), progress)
    if workshop is None:
        raise UsageError("there are no recipes here", fix="--recipes DIR, or run it in a checkout")
    return workshop
