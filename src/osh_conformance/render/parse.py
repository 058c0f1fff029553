"""Parses rendered manifests, and finds every container of every workload in them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from osh_conformance.errors import SuiteError
from osh_conformance.loading.yaml import read_manifests
from osh_conformance.manifests.pods import POD_SPECS
from osh_conformance.model.chart import Container, Document, Role

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

_HOOK = "helm.sh/hook"
#: What Helm runs hooks before and after.
_CHANGES = ("install", "upgrade", "delete", "rollback")
_EVENTS = frozenset({"test", "test-success", *(f"{when}-{what}" for when in ("pre", "post") for what in _CHANGES)})
#: The workloads whose `replicas` may be 0.
_REPLICATED = frozenset({"Deployment", "StatefulSet", "ReplicaSet", "ReplicationController"})
_LISTS = (("initContainers", Role.INIT), ("containers", Role.MAIN), ("ephemeralContainers", Role.EPHEMERAL))


def containers_of(rendered: Mapping[str, str]) -> tuple[Container, ...]:
    """Find the containers in rendered templates, in a stable order. Raises `SuiteError` where one is not YAML."""
    return containers_in(documents_of(rendered))


def documents_of(
    rendered: Mapping[str, str], parsed: Callable[[str, str], list[dict[str, Any]]] | None = None
) -> tuple[Document, ...]:
    """Parse rendered templates into their objects, in a stable order. Raises `SuiteError` where one is not YAML.

    `parsed` replaces `objects_in`, for callers that keep parsed templates.
    """
    parse = parsed or objects_in
    found = []
    for template, text in sorted(rendered.items()):
        _, _, inside = template.partition("/")
        for occurrence, content in enumerate(parse(text, inside)):
            found.append(Document(template=inside, occurrence=occurrence, content=content))
    return tuple(found)


def objects_in(text: str, where: str, known: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    """Parse one rendered template into the objects that Helm installs, and each List into its items.

    `known` as for `read_manifests`. Raises `SuiteError` where Helm refuses the text.
    """
    installed = (document for document in read_manifests(text, where, known) if _is_installed(document, where))
    return [item for document in installed for item in _objects(document)]


def _is_installed(document: Any, where: str) -> bool:
    """Whether Helm installs a document: it skips one with an event that it does not know, and says nothing.

    Raises `SuiteError` for a document that Helm refuses.
    """
    metadata = document.get("metadata") if isinstance(document, dict) else None
    annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
    wrong = ""
    if not isinstance(document, dict):
        wrong = f"text that is no object: {str(document)[:60]!r}"
    elif not isinstance(metadata, dict | None):
        wrong = "`metadata` that is no mapping"
    elif not isinstance(annotations, dict | None):
        wrong = "`metadata.annotations` that is no mapping"
    elif any(isinstance(value, dict | list) for value in (annotations or {}).values()):
        wrong = "an annotation that is no text"
    if wrong:
        raise SuiteError(f"{where}: renders {wrong}", expected="Kubernetes objects: Helm refuses anything else")
    if not annotations or _HOOK not in annotations:
        return True
    events = str(annotations[_HOOK] or "").lower().split(",")
    return all(event.strip() in _EVENTS for event in events)


def containers_in(documents: Iterable[Document]) -> tuple[Container, ...]:
    """Find the containers of all workloads."""
    found: list[Container] = []
    seen: Counter[tuple[str, str, str]] = Counter()
    for document in documents:
        for container in _containers(document):
            same = (document.template, container.kind, container.name)
            found.append(replace(container, occurrence=seen[same]) if seen[same] else container)
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


def _containers(document: Document) -> Iterator[Container]:
    item = document.content
    kind = str(item.get("kind", ""))
    spec: Any = item if kind in POD_SPECS else None
    for part in POD_SPECS.get(kind, ()):
        spec = spec.get(part) if isinstance(spec, dict) else None
    if not isinstance(spec, dict):
        return
    named = item.get("metadata")
    metadata: dict[str, Any] = named if isinstance(named, dict) else {}
    hook, idle = _hook(metadata), _idle(item)
    for field, role in _LISTS:
        entries = spec.get(field)
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, dict):
                yield Container(
                    kind=kind,
                    workload_name=str(metadata.get("name") or metadata.get("generateName") or ""),
                    name=str(entry.get("name", "")),
                    role=_role(kind, hook) if role is Role.MAIN else role,
                    image=_text(entry.get("image")),
                    pull_policy=_text(entry.get("imagePullPolicy")),
                    template=document.template,
                    hook=hook,
                    document=document.occurrence,
                    idle=idle,
                )


def _hook(metadata: dict[str, Any]) -> tuple[str, ...]:
    annotations = metadata.get("annotations")
    events = annotations.get(_HOOK) if isinstance(annotations, dict) else None
    return tuple(event.strip() for event in str(events).split(",") if event.strip()) if events else ()


def _idle(workload: Mapping[str, Any]) -> bool:
    """Whether a workload asks for no replicas. One that says nothing gets one."""
    spec = workload.get("spec")
    return workload.get("kind") in _REPLICATED and isinstance(spec, dict) and str(spec.get("replicas")) == "0"


def _role(kind: str, hook: tuple[str, ...]) -> Role:
    if any(event.startswith("test") for event in hook):
        return Role.TEST
    if hook:
        return Role.HOOK
    return Role.CRON if kind == "CronJob" else Role.MAIN


def _text(value: Any) -> str | None:
    return None if value is None or value == "" else str(value)
