"""Finds the access that a chart requests beyond its own namespace: to the nodes and to the cluster. Renders nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from osh_conformance.manifests.pods import POD_SPECS
from osh_conformance.manifests.vocabulary import words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from osh_conformance.model.chart import Document

#: The Pod Security levels: for a chart whose pods request no privileges, and for one whose pods do.
BASELINE, PRIVILEGED = "baseline", "privileged"
_LABEL = "pod-security.kubernetes.io/"
_HOST_NAMESPACES = ("hostNetwork", "hostPID", "hostIPC")
_CONTAINERS = ("initContainers", "containers", "ephemeralContainers")
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_HANDLERS = ("postStart", "preStop")
_APPARMOR = "container.apparmor.security.beta.kubernetes.io/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One privilege that an object requests.

    - object: `Kind/name`.
    - asks: the privilege, such as `hostNetwork` or `capability NET_ADMIN`.
    - container: the container that requests it, "" for the object or its pod.
    - of_pods: a pod in the release's namespace requests it. Only then do the namespace's Pod Security level and its
      container runtime matter.
    """

    object: str
    asks: str
    container: str = ""
    of_pods: bool = False


def requested_access(documents: Iterable[Document], namespace: str) -> tuple[Reason, ...]:
    """Return the privileges that the objects of a release in `namespace` request, each once, in the documents' order.

    These are everything that the Pod Security level `baseline` forbids, and every object outside `namespace`.
    """
    found = tuple(documents)
    scopes = _cluster_scoped() | _defined(found)
    return tuple(dict.fromkeys(reason for each in found for reason in _reasons(each, namespace, scopes)))


def pod_security(reasons: Iterable[Reason]) -> dict[str, str]:
    """Return the labels of a namespace for a chart that requests `reasons`, after the user allowed them."""
    level = PRIVILEGED if any(each.of_pods for each in reasons) else BASELINE
    # The API server accepts a Deployment with too many privileges, but not its pods. Helm prints the warning.
    return {f"{_LABEL}enforce": level, f"{_LABEL}warn": level}


def as_lines(reasons: Iterable[Reason]) -> list[str]:
    """Return the reasons as text, one line for each object and container."""
    lines: dict[str, list[str]] = {}
    for each in reasons:
        lines.setdefault(f"{each.object} {each.container}".strip(), []).append(each.asks)
    return [f"{name}: {', '.join(asks)}" for name, asks in lines.items()]


# -- the cluster -------------------------------------------------------------------------------------------------------


def _reasons(document: Document, namespace: str, scopes: frozenset[tuple[str, str]]) -> Iterator[Reason]:
    name = f"{document.kind}/{document.name or document.metadata.get('generateName') or ''}"
    where = document.metadata.get("namespace")
    if (_group(document), document.kind) in scopes:
        yield Reason(object=name, asks="an object of the whole cluster")
    elif where and where != namespace:
        yield Reason(object=name, asks=f"an object in the namespace {where}")
    for container, asks in _of_pod(document):
        yield Reason(object=name, container=container, asks=asks, of_pods=not where or where == namespace)


def _group(document: Document) -> str:
    group, slash, _ = str(document.content.get("apiVersion") or "").rpartition("/")
    return group if slash else ""


def _defined(documents: Iterable[Document]) -> frozenset[tuple[str, str]]:
    """Return the cluster-scoped kinds that the documents define, as (group, kind)."""
    specs = [_mapping(each.content.get("spec")) for each in documents if each.kind == "CustomResourceDefinition"]
    return frozenset(
        (str(spec.get("group")), str(_mapping(spec.get("names")).get("kind")))
        for spec in specs
        if spec.get("scope") == "Cluster"
    )


def _cluster_scoped() -> frozenset[tuple[str, str]]:
    return frozenset((group, kind) for group, kinds in words("privileges")["cluster_scoped"].items() for kind in kinds)


# -- its nodes ---------------------------------------------------------------------------------------------------------


def _of_pod(document: Document) -> Iterator[tuple[str, str]]:
    """Yield the privileges that a workload's pods request: the container ("" for the pod), and the privilege."""
    place = POD_SPECS.get(document.kind)
    if not place:
        return
    template: Any = document.content
    for part in place[:-1]:
        template = _mapping(template).get(part)
    spec = _mapping(_mapping(template).get("spec"))
    annotations = _mapping(_mapping(_mapping(template).get("metadata")).get("annotations"))
    yield from _of_annotations(annotations)
    for asks in _of_spec(spec):
        yield "", asks
    for field in _CONTAINERS:
        for container in _mappings(spec.get(field)):
            for asks in _of_container(container, in_user_namespace=spec.get("hostUsers") is False):
                yield str(container.get("name") or ""), asks


def _of_annotations(annotations: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, profile in annotations.items():
        allowed = not profile or profile == "runtime/default" or str(profile).startswith("localhost/")
        if str(name).startswith(_APPARMOR) and not allowed:
            yield str(name).removeprefix(_APPARMOR), f"AppArmor profile {profile}"


def _of_spec(spec: Mapping[str, Any]) -> Iterator[str]:
    yield from (field for field in _HOST_NAMESPACES if spec.get(field) is True)
    for volume in _mappings(spec.get("volumes")):
        if "hostPath" in volume:
            yield f"hostPath {_mapping(volume['hostPath']).get('path')}"
    context = _mapping(spec.get("securityContext"))
    for sysctl in _mappings(context.get("sysctls")):
        if sysctl.get("name") not in words("privileges")["sysctls"]:
            yield f"sysctl {sysctl.get('name')}"
    yield from _of_context(context)


def _of_container(container: Mapping[str, Any], *, in_user_namespace: bool) -> Iterator[str]:
    context = _mapping(container.get("securityContext"))
    if context.get("privileged") is True:
        yield "privileged"
    added = _mapping(context.get("capabilities")).get("add")
    for capability in added if isinstance(added, list) else ():
        if capability not in words("privileges")["capabilities"]:
            yield f"capability {capability}"
    mount = context.get("procMount")
    if mount not in (None, "Default") and not in_user_namespace:
        yield f"procMount {mount}"
    yield from _of_context(context)
    for port in _mappings(container.get("ports")):
        if port.get("hostPort"):
            yield f"hostPort {port['hostPort']}"
    yield from _of_handlers(container)


def _of_context(context: Mapping[str, Any]) -> Iterator[str]:
    """Yield the privileges that the security context of a pod or of a container requests."""
    for field, name in (("seccompProfile", "seccomp"), ("appArmorProfile", "AppArmor")):
        profile = context.get(field)
        if isinstance(profile, dict) and profile.get("type") not in words("privileges")["profiles"]:
            yield f"{name} profile {profile.get('type')}"
    options = _mapping(context.get("seLinuxOptions"))
    if options.get("type") and options["type"] not in words("privileges")["selinux_types"]:
        yield f"SELinux type {options['type']}"
    yield from (f"SELinux {field} {options[field]}" for field in ("user", "role") if options.get(field))
    if _mapping(context.get("windowsOptions")).get("hostProcess") is True:
        yield "hostProcess"


def _of_handlers(container: Mapping[str, Any]) -> Iterator[str]:
    """Yield the requests to other hosts than the pod. The kubelet sends them from the node's network."""
    lifecycle = _mapping(container.get("lifecycle"))
    handlers = {name: container.get(name) for name in _PROBES} | {name: lifecycle.get(name) for name in _HANDLERS}
    for name, handler in handlers.items():
        for how in ("httpGet", "tcpSocket"):
            host = _mapping(_mapping(handler).get(how)).get("host")
            if host:
                yield f"{name} of the host {host}"


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []
