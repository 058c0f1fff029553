"""Pods of the suite's own that show which pulls a node does: one for each pull policy, with and without the image."""

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
    """The registry, as probes need it.

    `serve` returns the reference of an image in a repository of a given name, which no other pod uses. `requests`
    returns the nodes' requests for it so far, as `METHOD kind reference status`.
    """

    serve: Callable[[str], str]
    requests: Callable[[str], Sequence[str]]


def observe_pulls(probes: Sequence[PullProbe], context: CellContext, witness: PullWitness) -> tuple[ObservedPull, ...]:
    """Run each probe; raises `SuiteError` for a pod that neither starts nor has a reason not to."""
    return tuple(_observed(probe, context, witness) for probe in probes)


def _observed(probe: PullProbe, context: CellContext, witness: PullWitness) -> ObservedPull:
    reference = witness.serve(f"{context.namespace}-{probe.name}")
    if probe.present:
        started, reason = _run(context, f"{probe.name}-first", reference, "IfNotPresent")
        if not started:
            raise SuiteError(f"the probe with image {reference} did not start: {reason}", details=context.watch.state())
    before = len(witness.requests(reference))
    started, reason = _run(context, probe.name, reference, probe.policy)
    requests = tuple(witness.requests(reference)[before:])
    return ObservedPull(probe=probe, started=started, reason=reason, requests=requests)


def _run(context: CellContext, name: str, image: str, policy: str) -> tuple[bool, str]:
    context.kube.core.create_namespaced_pod(context.namespace, _pod(name, image, policy))

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

    deadline = _STARTED_WITHIN * context.patience
    return context.watch.wait(f"probe {name}", outcome, deadline=deadline, concerns=concerns)


def _pod(name: str, image: str, policy: str) -> dict[str, Any]:
    container = {
        "name": _CONTAINER,
        "image": image,
        # The image is that of the registry: it prints its version, and ends.
        "args": ["--version"],
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
