"""What pods and Jobs say of themselves: the pure half of the watch."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from osh_conformance.observe import watch


def pod(**changes: Any) -> dict[str, Any]:
    return {"metadata": {"name": "api-7d4-x2x", "uid": "1", **changes.pop("metadata", {})}, "status": changes}


def owned_by(kind: str, name: str, **labels: str) -> dict[str, Any]:
    return {"ownerReferences": [{"kind": kind, "name": name, "controller": True}], "labels": labels}


@pytest.mark.parametrize(
    ("metadata", "workload"),
    [
        ({}, "Pod/api-7d4-x2x"),
        (owned_by("Job", "db-init"), "Job/db-init"),
        (owned_by("StatefulSet", "mariadb"), "StatefulSet/mariadb"),
        (owned_by("ReplicaSet", "api-7d4", **{"pod-template-hash": "7d4"}), "Deployment/api"),
    ],
)
def test_a_pod_names_its_workload(metadata: dict[str, Any], workload: str) -> None:
    assert watch.workload_of(pod(metadata=metadata)) == workload


def job(*conditions: str, failed: int = 0) -> dict[str, Any]:
    listed = [{"type": name, "status": "True", "reason": "R", "message": "M"} for name in conditions]
    return {"metadata": {"name": "drop"}, "status": {"conditions": listed, "failed": failed}}


def test_a_condition_is_found_by_type_not_by_place() -> None:
    assert watch.job_condition(job("SuccessCriteriaMet", "Complete"), "Complete")
    assert watch.job_condition(job("SuccessCriteriaMet"), "Complete") is None


@pytest.mark.parametrize(
    ("seen", "expected"),
    [(job(), None), (job("Failed"), "drop failed: R: M"), (job(failed=4), "failed 4 times"), (job(failed=3), None)],
)
def test_a_job_has_failed_for_good_or_so_often_that_it_will(seen: dict[str, Any], expected: str | None) -> None:
    failure = watch.job_failure(seen)
    assert failure == expected or (expected is not None and failure is not None and expected in failure)


def looping(restarts: int) -> dict[str, Any]:
    waiting = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}}
    return pod(containerStatuses=[{"name": "api", "restartCount": restarts, "state": waiting}])


def test_a_container_that_cannot_stay_up_is_given_up_after_some_restarts() -> None:
    assert watch.crash_loop(looping(3)) is None
    assert "container api ended 4 times" in (watch.crash_loop(looping(4)) or "")


@pytest.mark.parametrize(
    ("reason", "message", "final"),
    [
        ("ErrImagePull", "rpc error: code = NotFound desc = failed to pull: docker.io/a/b:1: not found", True),
        ("ErrImagePull", "rpc error: code = DeadlineExceeded desc = i/o timeout", False),
        ("ImagePullBackOff", "Back-off pulling image", True),
        ("ContainerCreating", "", False),
    ],
)
def test_a_pull_that_is_refused_is_final_at_once(reason: str, message: str, *, final: bool) -> None:
    waiting = pod(containerStatuses=[{"name": "api", "state": {"waiting": {"reason": reason, "message": message}}}])
    watched = watch.NamespaceWatch(None, "cell", threading.Event(), None)  # type: ignore[arg-type]  # nothing is asked
    assert bool(watched._environment_trouble(waiting)) is final
