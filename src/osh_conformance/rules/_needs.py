"""What a pod names and will not find when a pre-delete hook runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from osh_conformance.rules._pods import (
    DELETE_POLICY,
    HOOK,
    PRE_DELETE,
    Place,
    Source,
    annotation,
    dicts,
    file_at,
    mounts,
    reference_name,
    sources,
    variables,
    volume_parts,
    weight,
    words_of,
)
from osh_conformance.rules._runs import argv, missing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from osh_conformance.model.chart import Container, Document
    from osh_conformance.rules._pods import Pod


def lacks(pod: Pod, external: frozenset[str]) -> Iterator[tuple[str, str]]:
    """What the pod lacks, with the name of the container that needs it, or "".

    An object that the release does not render, and whose name is in `external`, is somebody else's.
    """
    for container, entry in pod.containers:
        for lack in (*_of_files(pod, container, entry), *_of_mounts(pod, container, entry)):
            yield container.name, lack
        for source in sources(entry):
            if lack := _of_object(pod, source, external):
                yield container.name, lack
    for source in _of_pod(pod):
        if lack := _of_object(pod, source, external):
            yield "", lack


def _of_files(pod: Pod, container: Container, entry: Mapping[str, Any]) -> Iterator[str]:
    for path, file in missing(pod, container, entry):
        where = f"{file.kind}/{file.name} has no {file.key}" if file.place is Place.ABSENT else "nothing mounts it"
        yield f"it runs {path}, and {where}"


def _of_mounts(pod: Pod, container: Container, entry: Mapping[str, Any]) -> Iterator[str]:
    run = {path for path, _ in missing(pod, container, entry)}
    # Of a key that is not there Kubernetes makes an empty folder: it harms where the container is told to read it.
    told = {variable.value for variable in variables(entry, pod.objects).values()} | set(argv(entry))
    known = {str(volume.get("name")) for volume in dicts(pod.spec.get("volumes"))}
    for mount in mounts(pod, entry):
        if str(mount.volume.get("name") or "") not in known:
            yield f"it mounts at {mount.path} a volume that the pod does not have"
        elif mount.subpath and mount.path in told and mount.path not in run:
            file = file_at(pod, entry, mount.path)
            if file.place is Place.ABSENT:
                yield f"it mounts {file.key} of {file.kind}/{file.name}, which has no such key"


def _of_pod(pod: Pod) -> Iterator[Source]:
    """The objects that the pod as a whole names: its volumes' and its ServiceAccount."""
    for volume in dicts(pod.spec.get("volumes")):
        for kind, reference in volume_parts(volume):
            name, optional = reference_name(kind, reference), reference.get("optional") is True
            for key in [str(item.get("key")) for item in dicts(reference.get("items"))] or [""]:
                yield Source(kind=kind, name=name, key=key, optional=optional)
    account = str(pod.spec.get("serviceAccountName") or pod.spec.get("serviceAccount") or "default")
    if account != "default":
        yield Source(kind="ServiceAccount", name=account, key="")


def _of_object(pod: Pod, source: Source, external: frozenset[str]) -> str:
    """Say what is missing of an object that the pod names: the object, the key, or the object at that moment."""
    if source.optional or not source.name:
        return ""
    document = pod.objects.get(source.kind, source.name)
    if document is None:
        if source.name in external or pod.objects.mentions(source.name):
            return ""
        return f"it needs {source.kind}/{source.name}, which the release does not have"
    data = pod.objects.data(source.kind, source.name) if source.kind != "ServiceAccount" else None
    if source.key and data is not None and source.key not in data:
        return f"it needs the key {source.key} of {source.kind}/{source.name}, which has no such key"
    return _gone(pod, document)


def _gone(pod: Pod, document: Document) -> str:
    """Say why an object that is a hook is not there when the drop Job runs."""
    events = words_of(annotation(document, HOOK))
    if not events or PRE_DELETE not in words_of(annotation(pod.document, HOOK)):
        return ""
    name = f"{document.kind}/{document.name}"
    if PRE_DELETE in events:
        own, job = ((weight(one), one.name) for one in (document, pod.document))
        return f"{name} is a hook that is created after the Job" if own > job else ""
    if "hook-succeeded" in words_of(annotation(document, DELETE_POLICY)):
        return f"{name} is a hook that its own delete policy has removed by then"
    if not {"pre-install", "post-install", "pre-upgrade", "post-upgrade"} & set(events):
        return f"{name} is a hook of {','.join(events)}, and not there before the release is deleted"
    return ""
