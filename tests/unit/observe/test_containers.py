"""The containers that ran in a cell, each with its workload."""

from __future__ import annotations

from typing import Any

import pytest

from osh_conformance.model.observation import PodNode
from osh_conformance.observe import containers
from osh_conformance.observe.watch import View
from tests.unit.observations import observation


def test_a_job_of_a_schedule_belongs_to_its_cron_job() -> None:
    def owned(name: str, kind: str, owner: str) -> dict[str, Any]:
        return {"metadata": {"name": name, "ownerReferences": [{"kind": kind, "name": owner, "controller": True}]}}

    job = owned("rotate-29000000", "CronJob", "rotate")
    pod = {**owned("rotate-29000000-x7k2p", "Job", "rotate-29000000"), "spec": {"containers": [{"name": "rotate"}]}}
    view = View(pods={}, jobs={}, all_pods=[pod], all_jobs=[job])
    (container,) = containers.observed(view, observation().declared)
    assert container.workload == "CronJob/rotate"


_REFUSED = "failed to pull and unpack image: unexpected status from HEAD request to http://x/v2/y: 401 Unauthorized"


def _pod(name: str, message: str = "", release: str = "keystone") -> dict[str, Any]:
    waiting = {"waiting": {"reason": "ErrImagePull", "message": message}}
    return {
        "metadata": {"name": name, "labels": {"app.kubernetes.io/instance": release}},
        "status": {"containerStatuses": [{"name": "x", "state": waiting}]},
    }


def test_a_refused_pull_is_in_the_status_of_the_pod_or_in_its_events() -> None:
    pods = [_pod("waits", _REFUSED), _pod("is-gone"), _pod("has-other-trouble", "failed to pull: i/o timeout")]
    events = [
        {"reason": "Failed", "involvedObject": {"name": "is-gone"}, "message": f"Failed to pull image x: {_REFUSED}"},
        {"reason": "Failed", "involvedObject": {"name": "has-other-trouble"}, "message": "Error: ErrImagePull"},
        {"reason": "Unhealthy", "involvedObject": {"name": "has-other-trouble"}, "message": "pull 401"},
    ]
    view = View(pods={}, jobs={}, all_pods=pods, all_jobs=[], events=events)
    assert containers.refused_pulls(view) == ("is-gone", "waits")


def test_a_refused_pull_of_the_suites_own_pods_is_none_of_the_chart() -> None:
    view = View(pods={}, jobs={}, all_pods=[_pod("mariadb-0", _REFUSED, "infrastructure-mariadb")], all_jobs=[])
    assert containers.refused_pulls(view) == ()


@pytest.mark.parametrize(
    "words",
    [
        "failed to pull and unpack image x@sha256:ab401c: failed to resolve reference x@sha256:ab401c: not found",
        'failed to pull image "172.18.0.1:40123/x:1": HEAD request to http://172.18.0.1:40123/x: 503',
        "failed to pull: HEAD request to http://x/v2/authorization-proxy/manifests/401: 404 Not Found",
        'Back-off pulling image "unauthorized:1": ErrImagePull: i/o timeout',
        'failed to pull and unpack image \\"unauthorized:1\\": i/o timeout',
    ],
)
def test_a_name_in_the_message_of_a_failed_pull_is_no_refusal(words: str) -> None:
    view = View(pods={}, jobs={}, all_pods=[_pod("waits", words)], all_jobs=[])
    assert containers.refused_pulls(view) == ()


@pytest.mark.parametrize(
    "words",
    [
        "failed to pull: reading manifest 1.0 in registry.example/x: unauthorized: authentication required",
        'failed to pull image "x/y:1": pull access denied, repository does not exist or may require authorization',
        'failed to pull: {"errors":[{"code":"UNAUTHORIZED","detail":{"name":"a/b"}}]}',
        "failed to pull: Head https://x/v2/y/manifests/1: no basic auth credentials",
    ],
)
def test_each_runtime_says_in_its_own_words_that_a_login_is_missing(words: str) -> None:
    view = View(pods={}, jobs={}, all_pods=[_pod("waits", words)], all_jobs=[])
    assert containers.refused_pulls(view) == ("waits",)


def test_a_pod_of_the_chart_ran_on_the_node_that_it_was_given_to() -> None:
    def on(pod: dict[str, Any], **spec: str) -> dict[str, Any]:
        return {**pod, "spec": spec}

    pods = [
        on(_pod("api"), nodeName="a", runtimeClassName="kata"),
        # The same name again: a pod that was deleted, and made again elsewhere.
        on(_pod("api"), nodeName="b"),
        on(_pod("waits")),
        on(_pod("mariadb-0", release="infrastructure-mariadb"), nodeName="b"),
    ]
    view = View(pods={}, jobs={}, all_pods=pods, all_jobs=[])
    runtimes = {"a": "containerd://2.4.2"}
    found = containers.pod_nodes(view, lambda node: runtimes.get(node, ""), {"kata": "kata-qemu"})
    assert found == (
        PodNode(pod="api", node="a", runtime="containerd://2.4.2", handler="kata-qemu"),
        PodNode(pod="api", node="b", runtime=""),
    )
