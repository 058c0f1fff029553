"""Removing all that the set-up made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from osh_conformance import process
from osh_conformance.errors import SuiteError
from osh_conformance.folders import ENGINE_RUN
from osh_conformance.provision import gc, leftovers, machine, runs
from osh_conformance.provision.scratch import remove_tree

if TYPE_CHECKING:
    from osh_conformance.folders import Folders
    from osh_conformance.progress import Progress
    from osh_conformance.provision.docker import Docker

_STOP = 180.0
_OURS = "osh-conformance"


def remove(folders: Folders, progress: Progress) -> tuple[str, ...]:
    """Remove leftovers and kept clusters, images, the engine, the cache; one line each.

    Raises `SuiteError`, and removes nothing of the set-up, while a run or a build lives.
    """
    engine, _ = machine.any_engine()
    with progress.step("remove what runs left"):
        report = gc.collect(engine, folders, kept=True)
    if report.left:
        raise SuiteError("runs are alive that use what the set-up made", details="\n".join(report.left))
    removed = list(report.removed)
    mine = _engine_is_ours(folders)
    if engine is not None and not mine:
        removed += _images(engine, folders)
        volume = runs.store_volume(folders)
        if engine.run("volume", "rm", volume, check=False).ok:
            removed.append(f"volume {volume}")
    if mine:
        with progress.step("stop the engine"):
            removed.append(_stop_engine(folders))
    with progress.step("remove the cache"):
        for folder in (folders.cache, folders.state):
            if folder.exists():
                leftovers.unmount_below(folder)
                remove_tree(folder)
                removed.append(f"folder {folder}")
    return tuple(removed)


def stop(folders: Folders, progress: Progress) -> tuple[str, ...]:
    """Stop the engine that this set-up started, and keep all that was built; the next set-up starts it again.

    Raises `SuiteError` while a run lives. Kept clusters end with their engine, so they are removed.
    """
    if not _engine_is_ours(folders):
        return ()
    engine, _ = machine.any_engine()
    report = gc.collect(engine, folders, kept=True)
    if report.left:
        raise SuiteError("runs are alive that use the engine", details="\n".join(report.left))
    with progress.step("stop the engine"):
        return (*report.removed, _stop_engine(folders))


def _images(engine: Docker, folders: Folders) -> list[str]:
    """In an engine that stays: the images of this cache's builds. Pulled ones may be somebody else's too."""
    built = {"/".join((_OURS, ":".join(path.name.rsplit("-", 1)))) for path in folders.builds.glob("*-*")}
    names = [name for name in engine.lines("image", "ls", "--format", "{{.Repository}}:{{.Tag}}") if name in built]
    for name in names:
        engine.run("rmi", name, check=False)
    return [f"image {name}" for name in names]


def _engine_is_ours(folders: Folders) -> bool:
    return _engine_root() == folders.engine


def _engine_root() -> Path | None:
    """The data root of an engine that a set-up started: another set-up, with another cache, may need it still."""
    try:
        return Path(json.loads((ENGINE_RUN / "daemon.json").read_text())["data-root"])
    except (FileNotFoundError, PermissionError, ValueError, KeyError):
        return None


def _stop_engine(folders: Folders) -> str:
    scripts = sorted(folders.builds.glob("engine-*/stop.sh"), key=lambda path: path.stat().st_mtime)
    if not scripts:
        raise SuiteError(
            f"an engine of this suite has files in {ENGINE_RUN}, and {folders.builds} has no script to stop it",
            fix="osh-conformance setup --only engine, then setup --remove again",
        )
    process.run(["sh", scripts[-1], folders.engine, ENGINE_RUN], deadline=_STOP)
    return f"engine at {ENGINE_RUN}"
