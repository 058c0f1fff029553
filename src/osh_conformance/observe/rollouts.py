"""Whether the controllers of a release have replaced the pods of its former revision."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from osh_conformance.cluster.api import Kube
    from osh_conformance.observe.pod_status import Object

_KINDS = {"Deployment": "deployments", "StatefulSet": "statefulsets", "DaemonSet": "daemonsets"}
#: Update strategies with which a controller leaves old pods to somebody else.
_BY_HAND = "OnDelete"


def unfinished(kube: Kube, namespace: str, workloads: Collection[str]) -> tuple[str, ...]:
    """Return those of `workloads` (`Kind/name`) whose pods are not all of the latest revision and ready, sorted.

    The pods of the former revision are ready until their successors are. A workload is not waited for if the cluster
    does not have it, if it is paused, or if it replaces no pod by itself. Raises `SuiteError` as `Kube.list` does.
    """
    found = {
        f"{kind}/{item['metadata']['name']}"
        for kind, plural in _KINDS.items()
        if any(workload.startswith(f"{kind}/") for workload in workloads)
        for item in kube.list(f"/apis/apps/v1/namespaces/{namespace}/{plural}")
        if not _is_done(kind, item)
    }
    return tuple(sorted(found.intersection(workloads)))


def _is_done(kind: str, workload: Object) -> bool:
    spec, status = workload.get("spec", {}), workload.get("status", {})
    if spec.get("paused") or spec.get("updateStrategy", {}).get("type") == _BY_HAND:
        return True
    if status.get("observedGeneration", 0) < workload["metadata"].get("generation", 0):
        return False
    if kind == "DaemonSet":
        wanted = status.get("desiredNumberScheduled", 0)
        return bool(status.get("updatedNumberScheduled", 0) >= wanted <= status.get("numberReady", 0))
    wanted = spec.get("replicas", 1)
    if kind == "StatefulSet":
        # Pods below the partition keep the former revision.
        updated = wanted - spec.get("updateStrategy", {}).get("rollingUpdate", {}).get("partition", 0)
        ready = bool(status.get("readyReplicas", 0) >= wanted)
        return ready and _of_latest_revision(status) >= min(updated, wanted)
    counts = (status.get(name, 0) for name in ("replicas", "updatedReplicas", "readyReplicas"))
    return all(count == wanted for count in counts)


def _of_latest_revision(status: Object) -> int:
    # A StatefulSet whose pods are all of one revision counts none as updated.
    same = status.get("currentRevision") == status.get("updateRevision")
    return int(status.get("replicas" if same else "updatedReplicas", 0))
