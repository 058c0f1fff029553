"""What an interrupted image build leaves in Docker: containers, and images without a name. Found by a label."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from osh_conformance.provision.docker import BUILDS
from osh_conformance.waiting import until

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from osh_conformance.folders import Folders
    from osh_conformance.provision.docker import Docker

#: The label of a build on all steps towards its image, and on their containers. The image itself has it empty, because
#: containers have the labels of their image: those of runs must not look like leftovers of a build.
STEP = "osh-conformance.step"
#: The label of a build on its image.
IMAGE = "osh-conformance.image"
_REMOVE = 120.0
#: Seconds in which Docker ends the step of a client that is gone, however large its layer.
_ENDS = 60.0
#: Seconds after which Docker has surely begun the next step, if there is one.
_PAUSE = 0.5
#: Looks for which a container may stay: Docker itself removes it, and stores no layer if it may.
_PATIENT_LOOKS = 20
#: Looks that must find nothing: a layer of half a gigabyte takes some seconds on a busy machine.
_QUIET_LOOKS = 8
_NAME = "{{.Repository}}:{{.Tag}}"
_LABELS = f'{{{{index .Config.Labels "{STEP}"}}}};{{{{index .Config.Labels "{IMAGE}"}}}}'
_IMAGE = f"{{{{.Id}}}};{_LABELS};{{{{range .RepoTags}}}}{{{{.}}}} {{{{end}}}}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Image:
    """An image that is not part of another: the build that it is a step of, or the result of, and its names."""

    id: str
    build: str
    is_step: bool
    names: tuple[str, ...]


def mark(folders: Folders, folder: Path) -> str:
    """Return the label's value for the build in a scratch folder. Another cache on this engine has other values."""
    return f"{_owner(folders)}/{folder.name}"


def clear(docker: Docker, build: str) -> tuple[str, ...]:
    """Remove the containers and nameless images of a finished build; return one line for each."""
    return (*_containers(docker, build), *_nameless(docker, build))


def clear_interrupted(docker: Docker, build: str) -> tuple[str, ...]:
    """Do as `clear`, for a build whose client ended early: Docker may still be busy with its last step.

    So several looks must find nothing. A step that copies files has no container while its layer is stored.
    """
    removed: list[str] = []
    looks = quiet = 0

    def nothing_new() -> bool:
        nonlocal looks, quiet
        looks += 1
        if _steps(docker, build) and looks < _PATIENT_LOOKS:
            quiet = 0
            return False
        new = clear(docker, build)
        removed.extend(new)
        quiet = 0 if new else quiet + 1
        return quiet >= _QUIET_LOOKS

    # Docker has no event for the step that it gives up.
    until(
        nothing_new, f"Docker to end the build {build}", deadline=_ENDS, pause=_PAUSE, state=lambda: "\n".join(removed)
    )
    return tuple(removed)


def clear_superseded(docker: Docker, name: str, key: str) -> None:
    """Remove images that lost their name to a later build of the same recipe, in this cache or in another one."""
    for image in _images(docker):
        if not image.is_step and not image.names and image.build.partition("/")[2].startswith(f"{name}-{key}-"):
            docker.run("rmi", image.id, deadline=_REMOVE, check=False)


def remove_names(docker: Docker, name: str, key: str) -> None:
    """Remove the names that the build of a recipe gave to images, of the result and of steps towards it."""
    for tag in docker.lines("image", "ls", "--format", _NAME):
        if tag.startswith(f"{BUILDS}{name}") and tag.endswith(f":{key}"):
            docker.run("rmi", tag, deadline=_REMOVE, check=False)


def builds(docker: Docker, folders: Folders) -> set[str]:
    """Return the names of the scratch folders of this cache's builds that left a container or a nameless image."""
    found = set(docker.lines("ps", "--all", "--filter", f"label={STEP}", "--format", f'{{{{.Label "{STEP}"}}}}'))
    found |= {image.build for image in _images(docker) if not image.names}
    return {folder for build in found if (folder := _folder(folders, build))}


def unfinished(docker: Docker, folders: Folders, alive: Collection[str]) -> Iterator[str]:
    """Remove the names of images whose build ended between naming and storing them; yield a line for each."""
    for image in _images(docker):
        folder = _folder(folders, image.build)
        if not folder or folder in alive or (folders.builds / folder.rpartition("-")[0]).is_dir():
            continue
        # An image of somebody else can build on one of ours, and has its labels.
        if not image.is_step and all(name.startswith(BUILDS) for name in image.names):
            for name in image.names:
                # A container may use it; then it stays.
                if docker.run("rmi", name, deadline=_REMOVE, check=False).ok:
                    yield f"image {name}"


def _owner(folders: Folders) -> str:
    return hashlib.sha256(str(folders.work).encode()).hexdigest()[:12]


def _folder(folders: Folders, build: str) -> str:
    """Return the name of a build's scratch folder; "" for a build of another cache."""
    owner, _, folder = build.partition("/")
    return folder if owner == _owner(folders) else ""


def _steps(docker: Docker, build: str) -> list[str]:
    return list(docker.lines("ps", "--all", "--quiet", "--filter", f"label={STEP}={build}"))


def _containers(docker: Docker, build: str) -> Iterator[str]:
    for container in _steps(docker, build):
        docker.run("rm", "--force", "--volumes", container, deadline=_REMOVE, check=False)
        yield f"container {container}"


def _nameless(docker: Docker, build: str) -> Iterator[str]:
    """Remove images of a build that neither have a name nor are part of one that has."""
    for label in (STEP, IMAGE):
        conditions = ("--filter", "dangling=true", "--filter", f"label={label}={build}")
        for image in docker.lines("image", "ls", "--quiet", *conditions):
            if docker.run("rmi", image, deadline=_REMOVE, check=False).ok:
                yield f"image {image} without a name"


def _images(docker: Docker) -> Iterator[_Image]:
    """Yield each image with one of the labels, if it is not part of another image."""
    listed = (docker.lines("image", "ls", "--quiet", "--no-trunc", "--filter", f"label={x}") for x in (STEP, IMAGE))
    ids = sorted({identity for lines in listed for identity in lines})
    if not ids:
        return
    for line in docker.run("image", "inspect", "--format", _IMAGE, *ids, check=False).stdout.splitlines():
        # An empty line is an image that was removed in the meantime.
        if line:
            identity, step, image, names = line.split(";")
            yield _Image(id=identity, build=step or image, is_step=bool(step), names=tuple(names.split()))
