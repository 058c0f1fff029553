"""Pods of the suite's own, one for each pull policy and state of the node, to see whether the node obeys it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from osh_conformance.errors import SuiteError
from osh_conformance.model.observation import ObservedPull
from osh_conformance.observe.pod_status import container_statuses

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from osh_conformance.model.scenario import PullProbe
    from osh_conformance.observe.context import CellContext
    from osh_conformance.observe.watch import View

_STARTED_WITHIN = 90.0
_CONTAINER = "probe"
_FINAL = frozenset({"ErrImageNeverPull", "ErrImagePull", "ImagePullBackOff"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PullWitness:
    """What probes need of a registry.

    `serve` gives the reference of an image in a repository of the name given, that nobody else asks for; `requests` are
    all that nodes asked for there so far, as `METHOD kind reference status`.
    """

    serve: Callable[[str], str]
    requests: Callable[[str], Sequence[str]]


def observe_pulls(probes: Sequence[PullProbe], site: CellContext, witness: PullWitness) -> tuple[ObservedPull, ...]:
    """Run each probe; raises `SuiteError` where a pod neither starts nor says why it does not."""
    return tuple(_observed(probe, site, witness) for probe in probes)


def _observed(probe: PullProbe, site: CellContext, witness: PullWitness) -> ObservedPull:
    reference = witness.serve(f"{site.namespace}-{probe.name}")
    if probe.present:
        started, reason = _run(site, f"{probe.name}-first", reference, "IfNotPresent")
        if not started:
            raise SuiteError(f"the probe's image {reference} does not start: {reason}", details=site.watch.state())
    before = len(witness.requests(reference))
    started, reason = _run(site, probe.name, reference, probe.policy)
    asked = tuple(witness.requests(reference)[before:])
    return ObservedPull(probe=probe, started=started, reason=reason, requests=asked)


def _run(site: CellContext, name: str, image: str, policy: str) -> tuple[bool, str]:
    site.kube.core.create_namespaced_pod(site.namespace, _pod(name, image, policy))

    def outcome(view: View) -> tuple[bool, str] | None:
        for status in container_statuses(view.pods.get(name, {})):
            state = status.get("state", {})
            if "running" in state or "terminated" in state:
                return True, ""
            reason = state.get("waiting", {}).get("reason", "")
            if reason in _FINAL:
                return False, reason
        return None

    def concerns(pod: Any) -> bool:
        return bool(pod["metadata"]["name"] == name)

    return site.watch.wait(f"probe {name}", outcome, deadline=_STARTED_WITHIN, concerns=concerns)


def _pod(name: str, image: str, policy: str) -> dict[str, Any]:
    container = {
        "name": _CONTAINER,
        "image": image,
        "imagePullPolicy": policy,
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "securityContext": {"runAsNonRoot": True, "runAsUser": 64321, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [container],
        },
    }
