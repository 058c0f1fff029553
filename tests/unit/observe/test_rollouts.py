"""An upgrade is over when no pod of the former revision is left."""

from __future__ import annotations

from typing import Any

import pytest

from osh_conformance.observe.rollouts import unfinished


class _Kube:
    """Has one workload."""

    def __init__(self, plural: str, **workload: Any) -> None:
        self._plural = plural
        self._workload = {"metadata": {"name": "api", "generation": 2}, **workload}

    def list(self, path: str) -> list[dict[str, Any]]:
        assert path.startswith("/apis/apps/v1/namespaces/cell/")
        return [self._workload] if path.endswith(self._plural) else []


def _unfinished(kind: str, plural: str, spec: dict[str, Any], **status: Any) -> tuple[str, ...]:
    kube: Any = _Kube(plural, spec=spec, status={"observedGeneration": 2, **status})
    return unfinished(kube, "cell", {f"{kind}/api", "Job/db-init"})


_SETTLED = {"replicas": 2, "updatedReplicas": 2, "readyReplicas": 2}


@pytest.mark.parametrize(
    ("status", "done"),
    [
        (_SETTLED, True),
        # The controller has not seen the change yet: these are the numbers of the former revision.
        ({**_SETTLED, "observedGeneration": 1}, False),
        ({**_SETTLED, "updatedReplicas": 1}, False),
        ({**_SETTLED, "replicas": 3}, False),
        ({**_SETTLED, "readyReplicas": 1}, False),
    ],
)
def test_a_deployment_is_done_when_all_its_pods_are_new_and_ready(status: dict[str, int], *, done: bool) -> None:
    assert _unfinished("Deployment", "deployments", {"replicas": 2}, **status) == (() if done else ("Deployment/api",))


def test_a_deployment_of_no_replicas_is_done() -> None:
    assert _unfinished("Deployment", "deployments", {"replicas": 0}) == ()


def test_what_is_paused_or_replaced_by_hand_is_not_waited_for() -> None:
    assert _unfinished("Deployment", "deployments", {"paused": True}, observedGeneration=1) == ()
    by_hand = {"updateStrategy": {"type": "OnDelete"}}
    assert _unfinished("StatefulSet", "statefulsets", by_hand, observedGeneration=1) == ()


@pytest.mark.parametrize(
    ("strategy", "status", "done"),
    [
        ({}, {**_SETTLED, "currentRevision": "a", "updateRevision": "b"}, True),
        ({}, {**_SETTLED, "updatedReplicas": 1, "currentRevision": "a", "updateRevision": "b"}, False),
        ({}, {"replicas": 2, "readyReplicas": 2, "currentRevision": "b", "updateRevision": "b"}, True),
        (
            {"updateStrategy": {"rollingUpdate": {"partition": 1}}},
            {**_SETTLED, "updatedReplicas": 1, "currentRevision": "a", "updateRevision": "b"},
            True,
        ),
    ],
)
def test_a_stateful_set_is_done_when_its_pods_are_of_the_latest_revision(
    strategy: dict[str, Any], status: dict[str, Any], *, done: bool
) -> None:
    found = _unfinished("StatefulSet", "statefulsets", {"replicas": 2, **strategy}, **status)
    assert found == (() if done else ("StatefulSet/api",))


@pytest.mark.parametrize(("updated", "ready", "done"), [(1, 1, True), (0, 1, False), (1, 0, False)])
def test_a_daemon_set_is_done_on_all_nodes(updated: int, ready: int, *, done: bool) -> None:
    numbers = {"desiredNumberScheduled": 1, "updatedNumberScheduled": updated, "numberReady": ready}
    assert _unfinished("DaemonSet", "daemonsets", {}, **numbers) == (() if done else ("DaemonSet/api",))


def test_the_workloads_of_others_do_not_count() -> None:
    kube: Any = _Kube("deployments", spec={}, status={})
    assert unfinished(kube, "cell", {"Deployment/other"}) == ()
    assert unfinished(kube, "cell", {"Job/db-init"}) == ()
