"""Removing everything that `setup` created."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from osh_conformance import process
from osh_conformance.errors import SuiteError
from osh_conformance.folders import DOCKER_RUN
from osh_conformance.provision import gc, leftovers, machine, pulled, runs
from osh_conformance.provision.docker import BUILDS
from osh_conformance.provision.gc import GcResult
from osh_conformance.provision.scratch import remove_tree

if TYPE_CHECKING:
    from osh_conformance.folders import Folders
    from osh_conformance.progress import Progress
    from osh_conformance.provision.docker import Docker

_STOP = 180.0


def remove(folders: Folders, progress: Progress) -> GcResult:
    """Remove leftovers, kept clusters, images, our Docker Engine and the cache; pulled images are left.

    Raises `SuiteError` while a run or a build is alive, and then removes nothing that `setup` created.
    """
    docker, problem = machine.find_docker()
    with progress.step("remove leftovers of earlier runs"):
        report = gc.collect(docker, folders, kept=None)
    if report.left:
        raise SuiteError("some runs are alive and use what `setup` created", details="\n".join(report.left))
    removed = list(report.removed)
    left: list[str] = []
    ours = _docker_is_ours(folders)
    if docker is None:
        left.append(f"images in a Docker engine, if there are any: {problem}")
    if docker is not None and not ours:
        removed += _images(docker, folders)
        left += [
            f"image {name}: it was pulled, others may use it"
            for name in pulled.noted(folders)
            if docker.has_image(name)
        ]
        volume = runs.store_volume(folders)
        if docker.run("volume", "rm", volume, check=False).ok:
            removed.append(f"volume {volume}")
    if ours:
        with progress.step("stop Docker"):
            removed.append(_stop_docker(folders))
    with progress.step("remove the cache"):
        for folder in (folders.cache, folders.state):
            if folder.exists():
                leftovers.unmount_below(folder)
                remove_tree(folder)
                removed.append(f"folder {folder}")
    return GcResult(removed=tuple(removed), left=tuple(left))


def stop(folders: Folders, progress: Progress) -> tuple[str, ...]:
    """Stop the Docker Engine that `setup` started, and keep all builds; the next `setup` starts it again.

    Raises `SuiteError` while a run is alive. Kept clusters cannot outlive their engine, so they are removed.
    """
    if not _docker_is_ours(folders):
        return ()
    docker, _ = machine.find_docker()
    report = gc.collect(docker, folders, kept=None)
    if report.left:
        raise SuiteError("some runs are alive and use this Docker Engine", details="\n".join(report.left))
    with progress.step("stop Docker"):
        return (*report.removed, _stop_docker(folders))


def _images(docker: Docker, folders: Folders) -> list[str]:
    """Remove the images of this cache's builds from an engine that stays. Others may use the pulled ones."""
    built = {BUILDS + ":".join(path.name.rsplit("-", 1)) for path in folders.builds.glob("*-*")}
    names = [name for name in docker.lines("image", "ls", "--format", "{{.Repository}}:{{.Tag}}") if name in built]
    for name in names:
        docker.run("rmi", name, check=False)
    return [f"image {name}" for name in names]


def _docker_is_ours(folders: Folders) -> bool:
    return _docker_root() == folders.docker


def _docker_root() -> Path | None:
    """Return the data root of the engine that `setup` started. A `setup` with another cache may still need it."""
    try:
        return Path(json.loads((DOCKER_RUN / "daemon.json").read_text())["data-root"])
    except (FileNotFoundError, PermissionError, ValueError, KeyError):
        return None


def _stop_docker(folders: Folders) -> str:
    scripts = sorted(folders.builds.glob("engine-*/stop.sh"), key=lambda path: path.stat().st_mtime)
    if not scripts:
        raise SuiteError(
            f"a Docker Engine of this suite has files in {DOCKER_RUN}, but {folders.builds} has no script to stop it",
            fix="osh-conformance setup --only engine, then setup --remove again",
        )
    process.run(["sh", scripts[-1], folders.docker, DOCKER_RUN], deadline=_STOP)
    return f"Docker Engine at {DOCKER_RUN}"
