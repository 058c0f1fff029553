"""The pods of a rendering: their specifications, their containers, and the objects beside them."""

from __future__ import annotations

import base64
import binascii
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from osh_conformance.model.chart import Container, Document, RenderedChart, Rendering

_TEMPLATED = ("spec", "template", "spec")
#: The fields that lead to the pod's specification, by the kind of the workload.
POD_SPECS: Mapping[str, tuple[str, ...]] = {
    "Pod": ("spec",),
    "PodTemplate": ("template", "spec"),
    "Deployment": _TEMPLATED,
    "DaemonSet": _TEMPLATED,
    "StatefulSet": _TEMPLATED,
    "ReplicaSet": _TEMPLATED,
    "ReplicationController": _TEMPLATED,
    "Job": _TEMPLATED,
    "CronJob": ("spec", "jobTemplate", "spec", "template", "spec"),
}
#: The steps from a workload to the specification of its pods.
_STEPS = ("spec", "jobTemplate", "template")
HOOK, DELETE_POLICY, PRE_DELETE = "helm.sh/hook", "helm.sh/hook-delete-policy", "pre-delete"
#: The renderings with the values that an operator gets. In the others every toggle is on, and each image key is set.
SHIPPED = ("shipped", "drop:on", "drop:off", "upgrade:on", "upgrade:off")
#: The lists of containers in the specification of a pod.
CONTAINER_LISTS = ("initContainers", "containers", "ephemeralContainers")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """A workload's pod template: its document, and each container with its entry in the manifest.

    `shipped`: it renders with the chart's own values, or with these and the drop switch.
    """

    document: Document
    spec: Mapping[str, Any]
    containers: tuple[tuple[Container, Mapping[str, Any]], ...]
    objects: Objects
    shipped: bool = True

    @property
    def label(self) -> str:
        """Return `Kind/name`."""
        return self.containers[0][0].workload


class Objects:
    """The objects of one rendering, by kind and name."""

    def __init__(self, rendering: Rendering) -> None:
        """Index the documents of a rendering."""
        self.documents = rendering.documents
        self._by_name = {(document.kind, document.name): document for document in rendering.documents}
        self._data: dict[tuple[str, str], Mapping[str, str | None] | None] = {}

    def get(self, kind: str, name: str) -> Document | None:
        """Return the object, None if it does not render."""
        return self._by_name.get((kind, name))

    def data(self, kind: str, name: str) -> Mapping[str, str | None] | None:
        """Return the entries of a ConfigMap or Secret, None if it does not render. A value that is no text is None."""
        if (kind, name) not in self._data:
            self._data[kind, name] = self._read(kind, name)
        return self._data[kind, name]

    def _read(self, kind: str, name: str) -> Mapping[str, str | None] | None:
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
        """Whether an object that is no workload contains `name`: it may create an object of that name."""
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
        if any(isinstance(here.get(field), list) for field in CONTAINER_LISTS):
            return here
        here = next((here[step] for step in _STEPS if isinstance(here.get(step), dict)), None)
    return None


def pull_secrets(document: Document) -> tuple[str, ...]:
    """Return the names in the `imagePullSecrets` of a workload's pods or of a ServiceAccount; none of anything else."""
    spec = pod_spec(document)
    if spec is None and document.kind == "ServiceAccount":
        spec = document.content
    return () if spec is None else tuple(str(entry.get("name")) for entry in dicts(spec.get("imagePullSecrets")))


def renderings(chart: RenderedChart) -> tuple[Rendering, ...]:
    """Return the renderings that together show every container: first as shipped, then with toggles on, and off."""
    apart = sorted(name for name in chart.renderings if name.startswith("apart:"))
    names = ["shipped", "drop:on", "all-on", *apart, "off"]
    found = {id(chart.renderings[name]): chart.renderings[name] for name in names if name in chart.renderings}
    return tuple(found.values())


def keys(chart: RenderedChart) -> dict[tuple[str, int, str, str], str | None]:
    """Return the image key of each container, by position, as the renderings with made-up references show it."""
    found: dict[tuple[str, int, str, str], str | None] = {
        container.position: container.key for container in chart.containers if container.key is not None
    }
    for containers in chart.by_policy.values():
        found |= {container.position: container.key for container in containers if container.key is not None}
    return found


#: The chart that rules ask about, its keys, and the pods of each rendering by the rendering's `id`.
_last: list[tuple[RenderedChart, Mapping[Any, str | None], dict[int, tuple[Rendering, tuple[Pod, ...]]]]] = []


def pods(chart: RenderedChart, rendering: Rendering) -> tuple[Pod, ...]:
    """Return the pods of the chart's own templates in one rendering, with the image keys of their containers.

    They are the same records while rules ask about the same chart.
    """
    if not _last or _last[0][0] is not chart:
        _last[:] = [(chart, keys(chart), {})]
    _, known, found = _last[0]
    if id(rendering) not in found:
        found[id(rendering)] = rendering, pods_in(rendering, known)
    return found[id(rendering)][1]


def pods_in(rendering: Rendering, known: Mapping[Any, str | None]) -> tuple[Pod, ...]:
    """Return the pods of the containers of a rendering; `known` are image keys by the position of the container."""
    objects = Objects(rendering)
    shipped = rendering.name in SHIPPED
    by_document: defaultdict[tuple[str, int], list[Container]] = defaultdict(list)
    for container in rendering.containers:
        key = container.key if container.key is not None else known.get(container.position)
        keyed = container if key == container.key else replace(container, key=key)
        by_document[container.template, container.document].append(keyed)
    found = []
    for document in rendering.documents:
        containers = by_document.get((document.template, document.occurrence))
        spec = pod_spec(document) if containers else None
        if containers and spec is not None:
            entries = [entry for field in CONTAINER_LISTS for entry in dicts(spec.get(field))]
            pairs = tuple(zip(containers, entries, strict=False))
            found.append(Pod(document=document, spec=spec, containers=pairs, objects=objects, shipped=shipped))
    return tuple(found)


def annotation(document: Document, name: str) -> str | None:
    """Return an annotation, None if the document does not have it."""
    annotations = document.metadata.get("annotations")
    value = annotations.get(name) if isinstance(annotations, dict) else None
    return None if value is None else str(value)


def words_of(text: str | None) -> tuple[str, ...]:
    """Return the entries of a comma-separated list, as annotations have them."""
    return tuple(word.strip() for word in (text or "").split(",") if word.strip())


def weight(document: Document) -> int:
    """Return the weight of a hook, 0 if it has none or an invalid one."""
    try:
        return int(annotation(document, "helm.sh/hook-weight") or 0)
    except ValueError:
        return 0


def dicts(entries: Any) -> list[dict[str, Any]]:
    """Return the mappings in a list; nothing if it is not a list."""
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
