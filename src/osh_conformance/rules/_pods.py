"""What a pod of a rendering is given: files from mounts, variables, and the objects they come from."""

from __future__ import annotations

import base64
import binascii
import posixpath
from collections import defaultdict
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from osh_conformance.model.chart import Container, Document, RenderedChart, Rendering

#: The steps from a workload to the specification of its pods.
_STEPS = ("spec", "jobTemplate", "template")
HOOK, DELETE_POLICY, PRE_DELETE = "helm.sh/hook", "helm.sh/hook-delete-policy", "pre-delete"
#: The renderings with the values that an operator gets; the others have every toggle on, and references of their own.
SHIPPED = ("shipped", "drop:on", "drop:off")
_LISTS = ("initContainers", "containers", "ephemeralContainers")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """A workload's pod template: each container with what the manifest says of it, and the document they stand in.

    `shipped` says that it renders as the chart comes, but perhaps for the drop switch.
    """

    document: Document
    spec: Mapping[str, Any]
    containers: tuple[tuple[Container, Mapping[str, Any]], ...]
    objects: Objects
    shipped: bool = True

    @property
    def label(self) -> str:
        """`Kind/name`."""
        return self.containers[0][0].workload


class Objects:
    """The objects of one rendering, by kind and name."""

    def __init__(self, rendering: Rendering) -> None:
        """Index them."""
        self.documents = rendering.documents
        self._by_name = {(document.kind, document.name): document for document in rendering.documents}

    def get(self, kind: str, name: str) -> Document | None:
        """Return the object, None if it does not render."""
        return self._by_name.get((kind, name))

    def data(self, kind: str, name: str) -> Mapping[str, str | None] | None:
        """Return the entries of a ConfigMap or Secret, None if it does not render. A value that is no text is None."""
        document = self.get(kind, name)
        if document is None:
            return None
        found: dict[str, str | None] = {}
        for field, encoded in (("binaryData", True), ("data", kind == "Secret"), ("stringData", False)):
            entries = document.content.get(field)
            for key, value in entries.items() if isinstance(entries, dict) else ():
                found[str(key)] = _decoded(value) if encoded else str(value)
        return found

    def mentions(self, name: str) -> bool:
        """Whether an object that is no workload says `name` anywhere: it may be what makes an object of that name."""
        return any(name in _texts(document.content) for document in self.documents if pod_spec(document) is None)


def _decoded(value: Any) -> str | None:
    try:
        return base64.b64decode(str(value), validate=False).decode()
    except (binascii.Error, ValueError):
        return None


def _texts(content: Any) -> Iterator[str]:
    stack = [content]
    while stack:
        here = stack.pop()
        if isinstance(here, dict):
            stack += [value for key, value in here.items() if key not in ("metadata", "roleRef", "subjects")]
        elif isinstance(here, list):
            stack += here
        elif isinstance(here, str):
            yield here


def pod_spec(document: Document) -> Mapping[str, Any] | None:
    """Return the specification of the pods of a workload, None for anything else."""
    here: Any = document.content
    while isinstance(here, dict):
        if any(isinstance(here.get(field), list) for field in _LISTS):
            return here
        here = next((here[step] for step in _STEPS if isinstance(here.get(step), dict)), None)
    return None


def renderings(chart: RenderedChart) -> tuple[Rendering, ...]:
    """The renderings that together show every container, each once: as shipped first, what is switched on after."""
    names = ["shipped", "drop:on", "all-on", *sorted(name for name in chart.renderings if name.startswith("apart:"))]
    found = {id(chart.renderings[name]): chart.renderings[name] for name in names if name in chart.renderings}
    return tuple(found.values())


def keys(chart: RenderedChart) -> dict[tuple[str, int, str, str], str | None]:
    """The image key of each container that a rendering with sentinels has, by position."""
    found: dict[tuple[str, int, str, str], str | None] = {
        container.position: container.key for container in chart.containers if container.key is not None
    }
    for containers in chart.by_policy.values():
        found |= {container.position: container.key for container in containers if container.key is not None}
    return found


def pods(chart: RenderedChart, rendering: Rendering) -> tuple[Pod, ...]:
    """The pods of the chart's own templates in one rendering, their containers with keys where a rendering has them."""
    known = keys(chart)
    objects = Objects(rendering)
    shipped = rendering.name in SHIPPED
    by_document: defaultdict[tuple[str, int], list[Container]] = defaultdict(list)
    for container in rendering.containers:
        key = container.key if container.key is not None else known.get(container.position)
        by_document[container.template, container.document].append(replace(container, key=key))
    found = []
    for document in rendering.documents:
        containers = by_document.get((document.template, document.occurrence))
        spec = pod_spec(document) if containers else None
        if containers and spec is not None:
            entries = [entry for field in _LISTS for entry in dicts(spec.get(field))]
            pairs = tuple(zip(containers, entries, strict=False))
            found.append(Pod(document=document, spec=spec, containers=pairs, objects=objects, shipped=shipped))
    return tuple(found)


def annotation(document: Document, name: str) -> str | None:
    """Return an annotation, None where it is not there."""
    annotations = document.metadata.get("annotations")
    value = annotations.get(name) if isinstance(annotations, dict) else None
    return None if value is None else str(value)


def words_of(text: str | None) -> tuple[str, ...]:
    """The entries of a list with commas, as annotations have them."""
    return tuple(word.strip() for word in (text or "").split(",") if word.strip())


def weight(document: Document) -> int:
    """The hook's weight."""
    try:
        return int(annotation(document, "helm.sh/hook-weight") or 0)
    except ValueError:
        return 0


# -- variables ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a value comes from: a key of an object. `kind` is ConfigMap or Secret."""

    kind: str
    name: str
    key: str
    optional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """A variable of a container: `value` is None where it cannot be known from the rendering."""

    value: str | None
    source: Source | None = None


def sources(entry: Mapping[str, Any]) -> Iterator[Source]:
    """The keys of objects that the variables of a container name. `key` is empty where all are taken."""
    for variable in dicts(entry.get("env")):
        if found := _source(variable):
            yield found
    for taken in dicts(entry.get("envFrom")):
        for field, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
            reference = taken.get(field)
            if isinstance(reference, dict) and reference.get("name"):
                yield Source(kind=kind, name=str(reference["name"]), key="", optional=reference.get("optional") is True)


def variables(entry: Mapping[str, Any], objects: Objects) -> dict[str, Variable]:
    """The variables of a container, by name; a later one of a name wins, as in Kubernetes."""
    found: dict[str, Variable] = {}
    for taken in dicts(entry.get("envFrom")):
        for field, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
            reference = taken.get(field)
            if isinstance(reference, dict):
                name = str(reference.get("name"))
                for key, value in (objects.data(kind, name) or {}).items():
                    full = f"{taken.get('prefix') or ''}{key}"
                    found[full] = Variable(value=value, source=Source(kind=kind, name=name, key=key))
    for variable in dicts(entry.get("env")):
        source = _source(variable)
        value = variable.get("value")
        if source is not None:
            value = (objects.data(source.kind, source.name) or {}).get(source.key)
        elif variable.get("valueFrom"):
            value = None
        elif value is None:
            value = ""
        found[str(variable.get("name"))] = Variable(value=None if value is None else str(value), source=source)
    return found


def _source(variable: Mapping[str, Any]) -> Source | None:
    origin = variable.get("valueFrom")
    for field, kind in (("secretKeyRef", "Secret"), ("configMapKeyRef", "ConfigMap")):
        reference = origin.get(field) if isinstance(origin, dict) else None
        if isinstance(reference, dict) and reference.get("name"):
            return Source(
                kind=kind,
                name=str(reference["name"]),
                key=str(reference.get("key") or ""),
                optional=reference.get("optional") is True,
            )
    return None


def dicts(entries: Any) -> list[dict[str, Any]]:
    """The mappings in a list; nothing of what is no list."""
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []


# -- files --------------------------------------------------------------------------------------------------------


class Place(Enum):
    """Where a path of a container leads."""

    IMAGE = auto()  # no mount covers it
    PRESENT = auto()  # an object of the release has it
    ABSENT = auto()  # an object of the release should have it, and has not
    EXTERNAL = auto()  # an object that the release does not render
    EMPTY = auto()  # an emptyDir: what is in it was written by a container
    OTHER = auto()  # a volume whose content nobody can know


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """What stands at a path: its text if the release renders it, and the object and key, or the volume."""

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
        """Whether `path` lies in it."""
        return path == self.path or path.startswith(self.path.rstrip("/") + "/")


def mounts(pod: Pod, entry: Mapping[str, Any]) -> tuple[Mount, ...]:
    """The mounts of a container."""
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
    """Say what a container finds at an absolute path."""
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
    """The ConfigMaps and Secrets of a volume, as (kind, reference); none if it holds something else too."""
    projected = volume.get("projected")
    entries = dicts(projected.get("sources")) if isinstance(projected, dict) else [dict(volume)]
    found: list[tuple[str, Mapping[str, Any]]] = []
    for entry in entries:
        for field, kind in (("configMap", "ConfigMap"), ("secret", "Secret")):
            if isinstance(entry.get(field), dict):
                found.append((kind, entry[field]))
    return found


def reference_name(kind: str, reference: Mapping[str, Any]) -> str:
    """The name of the object that a volume takes: a Secret's stands in `secretName`, but for projected ones."""
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
