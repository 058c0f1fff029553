"""Every container of every workload, wherever in the manifests it hides."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from osh_conformance.model.chart import Container, Role
from osh_conformance.render.documents import read_manifests

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_TEMPLATED = ("spec", "template", "spec")
#: Where the pod's specification is, by the kind of the workload.
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
_HOOK = "helm.sh/hook"
_LISTS = (("initContainers", Role.INIT), ("containers", Role.MAIN), ("ephemeralContainers", Role.EPHEMERAL))


def containers_of(rendered: Mapping[str, str]) -> tuple[Container, ...]:
    """Find the containers in rendered templates, in a stable order. Raises `SuiteError` where one is no YAML."""
    found: list[Container] = []
    seen: Counter[tuple[str, str, str]] = Counter()
    for template, text in sorted(rendered.items()):
        _, _, inside = template.partition("/")
        for item in (item for document in read_manifests(text, inside) for item in _objects(document)):
            for container in _containers(item, inside):
                same = (inside, container.kind, container.name)
                found.append(replace(container, occurrence=seen[same]))
                seen[same] += 1
    return tuple(found)


def _objects(document: Any) -> Iterator[dict[str, Any]]:
    if not isinstance(document, dict):
        return
    kind, items = document.get("kind"), document.get("items")
    if isinstance(kind, str) and kind.endswith("List") and isinstance(items, list):
        for item in items:
            # The items of a JobList may leave their kind out.
            named = item if not isinstance(item, dict) or item.get("kind") else {**item, "kind": kind[: -len("List")]}
            yield from _objects(named)
    else:
        yield document


def _containers(item: dict[str, Any], template: str) -> Iterator[Container]:
    kind = str(item.get("kind", ""))
    spec: Any = item if kind in POD_SPECS else None
    for part in POD_SPECS.get(kind, ()):
        spec = spec.get(part) if isinstance(spec, dict) else None
    if not isinstance(spec, dict):
        return
    named = item.get("metadata")
    metadata: dict[str, Any] = named if isinstance(named, dict) else {}
    hook = _hook(metadata)
    for field, role in _LISTS:
        for entry in spec.get(field) or ():
            if isinstance(entry, dict):
                yield Container(
                    kind=kind,
                    workload_name=str(metadata.get("name") or metadata.get("generateName") or ""),
                    name=str(entry.get("name", "")),
                    role=_role(kind, hook) if role is Role.MAIN else role,
                    image=_text(entry.get("image")),
                    pull_policy=_text(entry.get("imagePullPolicy")),
                    template=template,
                    hook=hook,
                )


def _hook(metadata: dict[str, Any]) -> tuple[str, ...]:
    annotations = metadata.get("annotations")
    events = annotations.get(_HOOK) if isinstance(annotations, dict) else None
    return tuple(event.strip() for event in str(events).split(",") if event.strip()) if events else ()


def _role(kind: str, hook: tuple[str, ...]) -> Role:
    if any(event.startswith("test") for event in hook):
        return Role.TEST
    if hook:
        return Role.HOOK
    return Role.CRON if kind == "CronJob" else Role.MAIN


def _text(value: Any) -> str | None:
    return None if value is None or value == "" else str(value)
