"""A report on what this machine can do, with reasons."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from osh_conformance.folders import default_folders
from osh_conformance.progress import Progress
from osh_conformance.provision import runs, tools
from osh_conformance.provision.build import free_bytes, gib
from osh_conformance.provision.machine import look

if TYPE_CHECKING:
    from osh_conformance.folders import Folders
    from osh_conformance.provision.machine import MachineInfo, Program
    from osh_conformance.provision.tools import SetupPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The result of one check."""

    name: str
    ok: bool
    result: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """The results of all checks, and the conclusion. `able`: a live run is possible now, or after `setup`."""

    lines: tuple[Line, ...]
    verdict: str
    able: bool


def examine(recipes: Path | None = None) -> Diagnosis:
    """Check this machine; change nothing."""
    folders = default_folders()
    machine = look(recipes)
    builder = tools.builder_for(machine, folders, Progress(quiet=True))
    missing = tools.plan(machine, builder, helm=(3, 4), node_image=None)
    return Diagnosis(
        lines=(*_tools(machine), *_machine(folders, machine), *_cache(folders)),
        verdict=_verdict(machine, missing, folders),
        able=not missing.problems,
    )


def _tools(machine: MachineInfo) -> tuple[Line, ...]:
    where = f"{machine.docker_version} at {machine.docker.host or 'the default host'}" if machine.docker else ""
    mine = " (provided by setup)" if machine.docker and machine.docker.ours else ""
    return (
        Line(name="Docker Engine", ok=machine.docker is not None, result=where + mine or machine.docker_problem),
        Line(name="container registry", ok=machine.registry.ok, result=machine.registry.answer),
        _program("kind", machine.kind, machine.kind_problem),
        *(_program(f"helm {major}", machine.helm.get(major), "not on PATH") for major in (4, 3)),
    )


def _program(name: str, found: Program | None, problem: str) -> Line:
    return Line(name=name, ok=found is not None, result=f"{found.version} at {found.path}" if found else problem)


def _machine(folders: Folders, machine: MachineInfo) -> tuple[Line, ...]:
    recipes = (
        f"{len(machine.recipes.by_name)} in {machine.recipes.root}"
        if machine.recipes
        else "none (installed without a checkout)"
    )
    return (
        Line(
            name="root",
            ok=machine.root,
            result="yes" if machine.root else "no (needed only to let `setup` provide Docker)",
        ),
        Line(name="recipes", ok=machine.recipes is not None, result=recipes),
        Line(name="cgroup", ok=True, result=cgroup_version(Path("/sys/fs/cgroup"))),
        Line(name="processors", ok=True, result=str(os.cpu_count())),
        Line(name="disk", ok=True, result=f"{gib(free_bytes(folders.cache))} free below {folders.cache}"),
    )


def cgroup_version(root: Path) -> str:
    """Return the version of the cgroup hierarchy that is mounted at `root`."""
    if (root / "cgroup.controllers").exists():
        return "v2"
    return "v1, hybrid" if (root / "unified").is_dir() else "v1"


def _cache(folders: Folders) -> tuple[Line, ...]:
    lines = [
        Line(name=f"cache {folder.name}", ok=True, result=f"{gib(_size(folder))} in {folder}")
        for folder in (folders.builds, folders.docker)
        if folder.is_dir()
    ]
    kept = [run.cluster for run in runs.known(folders) if run.kept is not None]
    if kept:
        lines.append(Line(name="kept clusters", ok=True, result=", ".join(kept)))
    return tuple(lines)


def _size(folder: Path) -> int:
    """Return the bytes on disk below `folder`, without files that vanish or are not readable."""
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(path) / name).lstat().st_blocks * 512
            except OSError:
                continue
    return total


def _verdict(machine: MachineInfo, missing: SetupPlan, folders: Folders) -> str:
    if missing.problems:
        return "A live run is not possible here:\n" + "\n".join(f"  {problem}" for problem in missing.problems)
    path = "ordinary: Docker and a container registry answer" if machine.docker and machine.registry.ok else "offline"
    if missing.recipes:
        names = ", ".join(recipe.name for recipe in missing.recipes)
        return (
            f"`osh-conformance setup` would take this path: {path}.\nIt would build {names}: about {missing.minutes:g} "
            f"minutes, {gib(missing.mebibytes * 2**20)} of disk space below {folders.cache}."
        )
    if missing.start_docker:
        return "`osh-conformance setup` would start Docker; nothing is left to build."
    return f"Ready for live runs (path: {path})."
