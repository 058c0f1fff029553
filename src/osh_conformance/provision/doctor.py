"""What this machine can do, with reasons."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from osh_conformance.folders import default_folders
from osh_conformance.progress import Progress
from osh_conformance.provision import machine, runs, tools
from osh_conformance.provision.build import Builder, free_bytes, gib

if TYPE_CHECKING:
    from osh_conformance.folders import Folders
    from osh_conformance.provision.machine import MachineInfo, Program
    from osh_conformance.provision.tools import SetupPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One thing that was looked at."""

    what: str
    ok: bool
    seen: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """All that was looked at, and what follows. `able`: a live run is possible now, or after `setup`."""

    lines: tuple[Line, ...]
    verdict: str
    able: bool


def examine(recipes: Path | None = None) -> Diagnosis:
    """Look at this machine; change nothing."""
    folders = default_folders()
    seen = machine.look(recipes)
    workshop = None
    if seen.book is not None:
        workshop = Builder(book=seen.book, folders=folders, progress=Progress(quiet=True), engine=seen.engine)
    missing = tools.plan(seen, workshop, helm=(3, 4), node_image=None)
    return Diagnosis(
        lines=(*_tools(seen), *_machine(folders, seen), *_cache(folders)),
        verdict=_verdict(seen, missing, folders),
        able=not missing.problems,
    )


def _tools(seen: MachineInfo) -> tuple[Line, ...]:
    where = f"{seen.engine_version} at {seen.engine.host or 'the default host'}" if seen.engine else ""
    mine = " (provided by setup)" if seen.engine and seen.engine.ours else ""
    return (
        Line(what="Docker engine", ok=seen.engine is not None, seen=where + mine or seen.engine_problem),
        Line(what="container registry", ok=seen.registry.ok, seen=seen.registry.answer),
        _program("kind", seen.kind, seen.kind_problem),
        *(_program(f"helm {major}", seen.helm.get(major), "not on PATH") for major in (4, 3)),
        _program("kubectl", seen.kubectl, "not on PATH (not needed)"),
    )


def _program(what: str, found: Program | None, problem: str) -> Line:
    return Line(what=what, ok=found is not None, seen=f"{found.version} at {found.path}" if found else problem)


def _machine(folders: Folders, seen: MachineInfo) -> tuple[Line, ...]:
    recipes = f"{len(seen.book.recipes)} in {seen.book.root}" if seen.book else "none (installed without a checkout)"
    return (
        Line(what="root", ok=seen.root, seen="yes" if seen.root else "no (needed only to provide an engine)"),
        Line(what="recipes", ok=seen.book is not None, seen=recipes),
        Line(what="cgroup", ok=True, seen=cgroup_version(Path("/sys/fs/cgroup"))),
        Line(what="processors", ok=True, seen=str(os.cpu_count())),
        Line(what="disk", ok=True, seen=f"{gib(free_bytes(folders.cache))} free below {folders.cache}"),
    )


def cgroup_version(root: Path) -> str:
    """Which cgroup hierarchy is mounted at `root`."""
    if (root / "cgroup.controllers").exists():
        return "v2"
    return "v1, hybrid" if (root / "unified").is_dir() else "v1"


def _cache(folders: Folders) -> tuple[Line, ...]:
    lines = [
        Line(what=f"cache {folder.name}", ok=True, seen=f"{gib(_size(folder))} in {folder}")
        for folder in (folders.builds, folders.engine)
        if folder.is_dir()
    ]
    kept = [run.cluster for run in runs.known(folders) if run.kept is not None]
    if kept:
        lines.append(Line(what="kept clusters", ok=True, seen=", ".join(kept)))
    return tuple(lines)


def _size(folder: Path) -> int:
    """Bytes on disk below `folder`; what vanishes or is hidden meanwhile does not count."""
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(path) / name).lstat().st_blocks * 512
            except OSError:
                continue
    return total


def _verdict(seen: MachineInfo, missing: SetupPlan, folders: Folders) -> str:
    if missing.problems:
        return "A live run is not possible here:\n" + "\n".join(f"  {problem}" for problem in missing.problems)
    path = "ordinary: Docker and a container registry are here" if seen.engine and seen.registry.ok else "offline"
    if missing.recipes:
        names = ", ".join(recipe.name for recipe in missing.recipes)
        return (
            f"`osh-conformance setup` would take the path: {path}.\nIt would build {names}: about {missing.minutes:g} "
            f"minutes, {gib(missing.mebibytes * 2**20)} of disk below {folders.cache}."
        )
    if missing.start_engine:
        return "`osh-conformance setup` would start the engine; nothing is left to build."
    return f"Ready for live runs (path: {path})."
