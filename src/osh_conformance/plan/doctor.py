"""A report on what this machine can do, with reasons."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from osh_conformance import host
from osh_conformance.provision import runs
from osh_conformance.provision.build import free_bytes, gib
from osh_conformance.provision.tools import NODE_RECIPE
from osh_conformance.registry.supply import Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from osh_conformance.folders import Folders
    from osh_conformance.model.matrix import ContainerRuntime
    from osh_conformance.plan.readiness import Readiness
    from osh_conformance.provision.machine import MachineInfo, Program
    from osh_conformance.registry.supply import Supply


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The result of one check."""

    name: str
    ok: bool
    result: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """The results of all checks, and the conclusion. `able`: `setup` and then a live run would succeed."""

    lines: tuple[Line, ...]
    verdict: str
    able: bool


def diagnose(
    readiness: Readiness, helm: Sequence[int], runtimes: Iterable[ContainerRuntime], folders: Folders
) -> Diagnosis:
    """Return what the state of the machine means for a run with these Helm majors and runtimes; change nothing."""
    machine = readiness.machine
    return Diagnosis(
        lines=(
            *_tools(machine, helm),
            *(_runtime(runtime, readiness) for runtime in runtimes),
            *_images(readiness),
            *_machine(folders, machine),
            *_cache(folders),
        ),
        verdict=_verdict(readiness, folders),
        able=not readiness.problems,
    )


def _tools(machine: MachineInfo, helm: Sequence[int]) -> tuple[Line, ...]:
    where = f"{machine.docker_version} at {machine.docker.address}" if machine.docker else ""
    mine = " (provided by setup)" if machine.docker and machine.docker.ours else ""
    return (
        Line(name="Docker Engine", ok=machine.docker is not None, result=where + mine or machine.docker_problem),
        _program("kind", machine.kind, machine.kind_problem),
        *(_program(f"helm {major}", machine.helm.get(major), "not on PATH") for major in helm),
    )


def _runtime(runtime: ContainerRuntime, readiness: Readiness) -> Line:
    """Return the version of a container runtime, as far as there is one before there is a cluster."""
    name, builder = f"runtime {runtime.name}", readiness.builder
    recipe = runtime.recipe or (NODE_RECIPE if NODE_RECIPE in readiness.setup.wanted else "")
    if runtime.needs:
        return Line(name=name, ok=False, result=f"needs {runtime.needs}")
    if not recipe:
        return Line(name=name, ok=True, result="in the node image; its version is known once a cluster runs")
    if builder is None or recipe not in builder.recipes:
        return Line(name=name, ok=False, result=f"there is no recipe `{recipe}` to build it from")
    if not builder.place(recipe).is_dir():
        minutes = f"{builder.recipes[recipe].minutes:g}"
        return Line(name=name, ok=True, result=f"not built yet (recipe {recipe}, about {minutes} minutes)")
    version = builder.versions(recipe).get(runtime.name)
    return Line(name=name, ok=True, result=version or f"built, but the recipe {recipe} noted no version of it")


def _images(readiness: Readiness) -> tuple[Line, ...]:
    return tuple(
        Line(name="image", ok=image.source is not Source.MISSING, result=f"{image.reference}: {_source(image)}")
        for image in readiness.images
    )


def _source(image: Supply) -> str:
    return image.problem or image.source.value


def _program(name: str, found: Program | None, problem: str) -> Line:
    return Line(name=name, ok=found is not None, result=f"{found.version} at {found.path}" if found else problem)


def _machine(folders: Folders, machine: MachineInfo) -> tuple[Line, ...]:
    recipes = f"{len(machine.recipes.by_name)} in {machine.recipes.root}" if machine.recipes else "none"
    return (
        Line(name="system", ok=not host.live_problems(), result=host.describe()),
        Line(
            name="root",
            ok=machine.root,
            result="yes" if machine.root else "no (needed only to let `setup` provide Docker)",
        ),
        Line(name="recipes", ok=machine.recipes is not None, result=recipes),
        Line(name="cgroup", ok=True, result=cgroup_version(Path("/sys/fs/cgroup"))),
        Line(name="processors", ok=True, result=str(host.cores())),
        Line(name="disk", ok=True, result=f"{gib(free_bytes(folders.cache))} free below {folders.cache}"),
    )


def cgroup_version(root: Path) -> str:
    """Return the version of the cgroup hierarchy that is mounted at `root`."""
    if (root / "cgroup.controllers").exists():
        return "v2"
    return "v1, hybrid" if (root / "unified").is_dir() else "v1"


def _cache(folders: Folders) -> tuple[Line, ...]:
    # Not their sizes: an engine has some hundred thousand files, and nobody waits for doctor.
    lines = [
        Line(name=f"cache {folder.name}", ok=True, result=str(folder))
        for folder in (folders.builds, folders.docker)
        if folder.is_dir()
    ]
    kept = [
        f"{run.cluster}{f' (--keep={run.name})' if run.name else ''}"
        for run in runs.known(folders)
        if run.kept is not None
    ]
    if kept:
        lines.append(Line(name="kept clusters", ok=True, result=", ".join(kept)))
    return tuple(lines)


def _verdict(readiness: Readiness, folders: Folders) -> str:
    if readiness.problems:
        return "Not ready. A live run is not possible here:\n" + "\n".join(f"  {each}" for each in readiness.problems)
    todo = ["start Docker"] if readiness.setup.start_docker else []
    if readiness.recipes:
        names = ", ".join(recipe.name for recipe in readiness.recipes)
        size = gib(readiness.mebibytes * 2**20)
        todo.append(f"build {names} (about {readiness.minutes:g} minutes, {size} of disk space below {folders.cache})")
    if readiness.pulls:
        todo.append(f"pull {', '.join(readiness.pulls)}")
    if not todo:
        return "Ready for live runs."
    return "Ready for live runs, after `osh-conformance setup`. It would:\n" + "\n".join(f"  {each}" for each in todo)
