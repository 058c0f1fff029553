"""The objects that a drop Job needs: those that its pod names, and those that give its ServiceAccount its rights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from osh_conformance.manifests.commands import argv, files
from osh_conformance.manifests.mounts import file_at, reference_name, volume_parts
from osh_conformance.manifests.pods import (
    DELETE_POLICY,
    HOOK,
    PRE_DELETE,
    annotation,
    dicts,
    pod_spec,
    weight,
    words_of,
)
from osh_conformance.manifests.variables import Source, sources
from osh_conformance.manifests.vocabulary import words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from osh_conformance.manifests.pods import Pod
    from osh_conformance.model.chart import Document

#: An install creates the hooks of these events, so that they are there from then on.
_INSTALL: Final = frozenset({"pre-install", "post-install"})
_BINDINGS: Final = ("RoleBinding", "ClusterRoleBinding")
#: The delete policies of a hook, as annotations name them.
BEFORE, SUCCEEDED, FAILED = "before-hook-creation", "hook-succeeded", "hook-failed"


def events(document: Document) -> tuple[str, ...]:
    """Return the events of a hook, as Helm reads them; none of an object that is no hook."""
    return tuple(word.lower() for word in words_of(annotation(document, HOOK)))


def delete_policy(document: Document) -> tuple[str, ...]:
    """Return the delete policies of a hook, as Helm reads them: its default if the hook names none."""
    return tuple(word.lower() for word in words_of(annotation(document, DELETE_POLICY))) or (BEFORE,)


def account(pod: Pod) -> str:
    """Return the name of the pod's ServiceAccount."""
    return _account(pod.spec)


def _account(spec: Mapping[str, Any]) -> str:
    return str(spec.get("serviceAccountName") or spec.get("serviceAccount") or "default")


def named(pod: Pod) -> Iterator[Source]:
    """Yield the objects that the pod as a whole names: those of its volumes, and its ServiceAccount."""
    for volume in dicts(pod.spec.get("volumes")):
        for kind, reference in volume_parts(volume):
            name, optional = reference_name(kind, reference), reference.get("optional") is True
            for key in [str(item.get("key")) for item in dicts(reference.get("items"))] or [""]:
                yield Source(kind=kind, name=name, key=key, optional=optional)
    if account(pod) != "default":
        yield Source(kind="ServiceAccount", name=account(pod), key="")


def bindings(pod: Pod) -> tuple[Document, ...]:
    """Return the RoleBindings and ClusterRoleBindings of the release that name the pod's ServiceAccount."""
    return tuple(each for each in pod.objects.documents if each.kind in _BINDINGS and _binds(each, pod))


def _binds(binding: Document, pod: Pod) -> bool:
    own = pod.document.metadata.get("namespace")
    return any(
        subject.get("kind") == "ServiceAccount"
        and subject.get("name") == account(pod)
        and (not own or subject.get("namespace") in (None, own))
        for subject in dicts(binding.content.get("subjects"))
    )


def role(binding: Document) -> tuple[str, str]:
    """Return kind and name of the role that a binding refers to, empty texts if it names none."""
    found = binding.content.get("roleRef")
    reference = found if isinstance(found, dict) else {}
    return str(reference.get("kind") or ""), str(reference.get("name") or "")


def shared_account(pod: Pod, drops: Iterable[Pod]) -> bool:
    """Whether a workload of the rendering that drops no database has the pod's ServiceAccount too."""
    dropping = [each.document for each in drops]
    others = (pod_spec(each) for each in pod.objects.documents if each not in dropping)
    return any(_account(spec) == account(pod) for spec in others if spec is not None)


def asks_cluster(pod: Pod) -> bool:
    """Whether a container of the pod surely asks the cluster's API, by its command line, variables or script."""
    known = words("cluster")["asks"]
    return any(word in text for _, entry in pod.containers for text in _texts(pod, entry) for word in known)


def _texts(pod: Pod, entry: Mapping[str, Any]) -> Iterator[str]:
    yield from argv(entry)
    yield from (str(variable.get("value") or "") for variable in dicts(entry.get("env")))
    yield from (file_at(pod, entry, path).text or "" for path in files(entry))


def needed(pod: Pod) -> tuple[Document, ...]:
    """Return every object of the release that the pod needs, each once."""
    references = [
        *((source.kind, source.name) for source in named(pod)),
        *((source.kind, source.name) for _, entry in pod.containers for source in sources(entry)),
        *((binding.kind, binding.name) for binding in bindings(pod)),
        *(role(binding) for binding in bindings(pod)),
    ]
    found = (pod.objects.get(kind, name) for kind, name in dict.fromkeys(references))
    return tuple(document for document in found if document is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    """Why an object does not exist when the drop Job runs, as the rest of a sentence; and the cure."""

    reason: str
    fix: str


def absence(pod: Pod, document: Document) -> Absence | None:
    """Say why an object of the release does not exist when the drop Job runs at pre-delete, None if it does."""
    found = events(document)
    if not found or PRE_DELETE not in events(pod.document):
        return None
    name = f"{document.kind}/{document.name}"
    if PRE_DELETE in found:
        # Helm sorts the hooks of an event by weight and name. Of one name, a Job is the last that it creates.
        if (weight(document), document.name) <= (weight(pod.document), pod.document.name):
            return None
        lower = weight(pod.document) - 1
        return Absence(reason="is a hook that is created after the Job", fix=f'{name}: helm.sh/hook-weight: "{lower}"')
    plain = f"remove the hook annotations of {name}: what is no hook is deleted after the Job"
    if SUCCEEDED in delete_policy(document):
        return Absence(reason="is a hook that its own delete policy has removed by then", fix=plain)
    if not set(found) & _INSTALL:
        which = ",".join(found)
        return Absence(reason=f"is a hook of {which}, and does not exist when the release is deleted", fix=plain)
    return None
