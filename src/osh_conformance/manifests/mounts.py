"""The mounts of a container, and the files that it finds at their paths."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

from osh_conformance.manifests.pods import dicts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from osh_conformance.manifests.pods import Objects, Pod


class Place(Enum):
    """The origin of the file at a path of a container."""

    IMAGE = auto()  # no mount covers it
    PRESENT = auto()  # an object of the release has it
    ABSENT = auto()  # an object of the release should have it, and does not
    EXTERNAL = auto()  # an object that the release does not render
    EMPTY = auto()  # an emptyDir: a container wrote its content
    OTHER = auto()  # a volume of unknown content


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """The file at a path: its text if the release renders it, and the object and key, or the volume."""

    place: Place
    text: str | None = None
    kind: str = ""
    name: str = ""
    key: str = ""
    volume: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """A volume at a path of a container."""

    path: str
    subpath: str
    volume: Mapping[str, Any]

    def covers(self, path: str) -> bool:
        """Whether `path` lies in the mount."""
        return path == self.path or path.startswith(self.path.rstrip("/") + "/")


def mounts(pod: Pod, entry: Mapping[str, Any]) -> tuple[Mount, ...]:
    """Return the mounts of a container."""
    volumes = {str(volume.get("name")): volume for volume in dicts(pod.spec.get("volumes"))}
    return tuple(
        Mount(
            path=posixpath.normpath(str(mount.get("mountPath") or "/")),
            subpath=posixpath.normpath(str(mount["subPath"])) if mount.get("subPath") else "",
            volume=volumes.get(str(mount.get("name")), {}),
        )
        for mount in dicts(entry.get("volumeMounts"))
    )


def file_at(pod: Pod, entry: Mapping[str, Any], path: str) -> File:
    """Return the file that a container finds at an absolute path."""
    path = posixpath.normpath(path)
    covering = [mount for mount in mounts(pod, entry) if mount.covers(path)]
    if not covering:
        return File(place=Place.IMAGE)
    mount = max(covering, key=lambda found: len(found.path))
    inside = posixpath.relpath(path, mount.path)
    if mount.subpath:
        inside = mount.subpath if inside == "." else f"{mount.subpath}/{inside}"
    return _in_volume(pod.objects, mount.volume, inside)


def _in_volume(objects: Objects, volume: Mapping[str, Any], inside: str) -> File:
    name = str(volume.get("name") or "")
    if isinstance(volume.get("emptyDir"), dict) or ("emptyDir" in volume and volume["emptyDir"] is None):
        return File(place=Place.EMPTY, volume=name)
    parts = volume_parts(volume)
    if not parts:
        return File(place=Place.OTHER, volume=name)
    found = [_in_object(objects, kind, reference, inside) for kind, reference in parts]
    order = (Place.PRESENT, Place.EXTERNAL, Place.ABSENT)
    return replace(min(found, key=lambda file: order.index(file.place)), volume=name)


def volume_parts(volume: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the ConfigMaps and Secrets of a volume, as (kind, reference)."""
    projected = volume.get("projected")
    entries = dicts(projected.get("sources")) if isinstance(projected, dict) else [dict(volume)]
    found: list[tuple[str, Mapping[str, Any]]] = []
    for entry in entries:
        for field, kind in (("configMap", "ConfigMap"), ("secret", "Secret")):
            if isinstance(entry.get(field), dict):
                found.append((kind, entry[field]))
    return found


def reference_name(kind: str, reference: Mapping[str, Any]) -> str:
    """Return the name of the object in a volume: in `secretName` for a Secret, unless the volume is projected."""
    field = "secretName" if kind == "Secret" and "secretName" in reference else "name"
    return str(reference.get(field) or "")


def _in_object(objects: Objects, kind: str, reference: Mapping[str, Any], inside: str) -> File:
    name = reference_name(kind, reference)
    data = objects.data(kind, name)
    key = inside
    items = dicts(reference.get("items"))
    if items:
        key = next((str(item.get("key")) for item in items if str(item.get("path")) == inside), "")
    if data is None:
        return File(place=Place.EXTERNAL, kind=kind, name=name, key=key)
    if key in data:
        return File(place=Place.PRESENT, text=data[key], kind=kind, name=name, key=key)
    if reference.get("optional") is True:
        return File(place=Place.EXTERNAL, kind=kind, name=name, key=inside)
    return File(place=Place.ABSENT, kind=kind, name=name, key=key or inside)
