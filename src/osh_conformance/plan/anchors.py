"""The Jobs that create and drop a chart's database, as renderings show them, and what these use of the release."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from osh_conformance.manifests.mounts import mounts, reference_name, volume_parts
from osh_conformance.manifests.pods import dicts, pull_secrets
from osh_conformance.manifests.variables import Source, sources
from osh_conformance.rules.shared.drop_objects import account, bindings, role

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from osh_conformance.manifests.pods import Objects, Pod

#: The kinds of a workload that ends.
_ENDING = ("Job", "Pod")
_WORD = re.compile(r"[\w.-]+")
_POSTGRESQL = re.compile(r"\bpostgres(?:ql)?(?:\+\w+)?://")
_MYSQL = re.compile(r"\b(?:mysql|mariadb)(?:\+\w+)?://")


def vanished(on: Iterable[Pod], off: Iterable[Pod]) -> tuple[Pod, ...]:
    """Return the Jobs and pods that are in the rendering `on` and not in `off`. A Job may have another name in each."""
    after = tuple(off)
    return tuple(pod for pod in on if pod.document.kind in _ENDING and counterpart(pod, after) is None)


def counterpart(pod: Pod, others: Iterable[Pod]) -> Pod | None:
    """Return the same workload in another rendering, None if it is not there. Its name may be random."""
    others = tuple(others)
    named = next((other for other in others if other.label == pod.label), None)
    return named or next((other for other in others if _trait(other) == _trait(pod)), None)


def _trait(pod: Pod) -> tuple[str, str, tuple[str, ...]]:
    """Return what a workload has in common in all renderings beside its name."""
    names = tuple(container.name for container, _ in pod.containers)
    return (pod.document.template, pod.document.kind, names)


def used(pod: Pod) -> tuple[Source, ...]:
    """Return what a pod uses of the objects of its release, each once; `key` is "" for all entries of an object.

    These are ConfigMaps and Secrets, its ServiceAccount with its roles, its claims, and the Jobs that it waits for.
    """
    return tuple(dict.fromkeys(_used(pod)))


def _used(pod: Pod) -> Iterator[Source]:
    for _, entry in pod.containers:
        yield from sources(entry)
        for mount in mounts(pod, entry):
            yield from _of_volume(mount.volume, mount.subpath)
    for volume in dicts(pod.spec.get("volumes")):
        claim = volume.get("persistentVolumeClaim")
        if isinstance(claim, dict):
            yield _whole("PersistentVolumeClaim", str(claim.get("claimName")))
    yield from (_whole("Secret", name) for name in pull_secrets(pod.document))
    yield _whole("ServiceAccount", account(pod))
    for binding in bindings(pod):
        yield _whole(binding.kind, binding.name)
        yield _whole(*role(binding))
    yield from _awaited(pod)


def _whole(kind: str, name: str) -> Source:
    return Source(kind=kind, name=name, key="")


def _of_volume(volume: Any, subpath: str) -> Iterator[Source]:
    for kind, reference in volume_parts(volume):
        name, items = reference_name(kind, reference), dicts(reference.get("items"))
        if subpath:
            path = subpath.partition("/")[0]
            keys = [str(item.get("key")) for item in items if str(item.get("path")) == path] or [path]
        else:
            keys = [str(item.get("key")) for item in items] or [""]
        yield from (Source(kind=kind, name=name, key=key) for key in keys)


def _awaited(pod: Pod) -> Iterator[Source]:
    """Yield the Jobs of the release that the variables of init containers name: the pod waits for them."""
    entries = dicts(pod.spec.get("initContainers"))
    texts = [str(variable.get("value") or "") for entry in entries for variable in dicts(entry.get("env"))]
    words = {word for text in texts for word in _WORD.findall(text)}
    for document in pod.objects.documents:
        if document.kind == "Job" and document.name in words and document.name != pod.document.name:
            yield _whole("Job", document.name)


def content(objects: Objects, source: Source) -> Any:
    """Return what a source holds in a rendering, None if its object is not there."""
    document = objects.get(source.kind, source.name)
    if document is None:
        return None
    if source.key:
        # Of an entry that the object lacks, only the object can be there.
        return (objects.data(source.kind, source.name) or {}).get(source.key) or ""
    return objects.data(source.kind, source.name) if source.kind in ("ConfigMap", "Secret") else document.content


def needs_postgresql(pods: Iterable[Pod]) -> bool:
    """Whether the variables and files of these pods name PostgreSQL's scheme and not MySQL's."""
    texts = [text for pod in pods for text in _told(pod)]
    return any(map(_POSTGRESQL.search, texts)) and not any(map(_MYSQL.search, texts))


def _told(pod: Pod) -> Iterator[str]:
    for _, entry in pod.containers:
        yield from (str(variable.get("value") or "") for variable in dicts(entry.get("env")))
    for source in used(pod):
        if source.kind in ("ConfigMap", "Secret"):
            held = content(pod.objects, source)
            texts = held.values() if isinstance(held, dict) else [held]
            yield from (str(text or "") for text in texts)


def differs(before: Any, again: Any, now: Any) -> bool:
    """Whether `now` is another thing than `before`. What differs in `again`, the same thing made again, is random."""
    if now == before:
        return False
    parts = [_parts(each) for each in (before, again, now)]
    if any(part is None for part in parts) or len({tuple(part or ()) for part in parts}) > 1:
        return bool(again == before)
    first, second, third = (part or {} for part in parts)
    return any(differs(first[key], second[key], third[key]) for key in first)


def _parts(value: Any) -> dict[Any, Any] | None:
    """Return the entries of a mapping or list, or the lines of a text; None for what has no parts."""
    if isinstance(value, dict):
        return value
    if isinstance(value, str) and "\n" in value:
        value = value.splitlines()
    return dict(enumerate(value)) if isinstance(value, list) else None
