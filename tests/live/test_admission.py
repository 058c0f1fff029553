"""Clusters whose admission policies change pods: the run reports what the nodes did, or stops waiting."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

import pytest
from kubernetes import client

from osh_conformance.cluster.api import Kube
from tests.live.driving import BASE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.live.conftest import Kept
    from tests.live.driving import Program

_NAME = "somebody-changes-pods"
_API = "/apis/admissionregistration.k8s.io/v1"
_PULLED = 'Object{spec: Object.spec{containers: [Object.spec.containers{name: "probe", imagePullPolicy: "Always"}]}}'
_CLASSED = f'Object{{spec: Object.spec{{runtimeClassName: "{_NAME}"}}}}'


@contextlib.contextmanager
def _changed(kube: Kube, condition: str, expression: str) -> Iterator[None]:
    """Change every matching pod at its creation, as an admission plugin would."""
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    policy = {
        "failurePolicy": "Fail",
        "reinvocationPolicy": "Never",
        "matchConstraints": {"resourceRules": [rule]},
        "matchConditions": [{"name": "fits", "expression": condition}],
        "mutations": [{"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}}],
    }
    api = client.AdmissionregistrationV1Api(kube.core.api_client)
    try:
        kube.ensure(f"{_API}/mutatingadmissionpolicies", _manifest("MutatingAdmissionPolicy", policy))
        binding = _manifest("MutatingAdmissionPolicyBinding", {"policyName": _NAME})
        kube.ensure(f"{_API}/mutatingadmissionpolicybindings", binding)
        yield
    finally:
        api.delete_mutating_admission_policy_binding(_NAME)
        api.delete_mutating_admission_policy(_NAME)


def _manifest(kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": _NAME}
    return {"apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": metadata, "spec": spec}


def _wait(kube: Kube, field: str, value: str) -> None:
    """Until a pod that is tried out is changed: the policy is in force."""
    container = {"name": "probe", "image": "docker.io/library/none:1.0.0", "imagePullPolicy": "Never"}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "tried"}, "spec": {"containers": [container]}}
    ends = time.monotonic() + 30
    while True:
        spec = kube.dry_run("/api/v1/namespaces/default/pods", pod)["spec"]
        if value in (spec.get(field), spec["containers"][0].get(field)):
            return
        assert time.monotonic() < ends, "the policy does not take effect"
        time.sleep(0.2)


@pytest.fixture
def kube(kept: Kept) -> Kube:
    return Kube(kept.kubeconfig, kept.context)


def test_a_pull_policy_that_the_cluster_overrides_fails(kube: Kube, program: Program, base: Path) -> None:
    with _changed(kube, "object.spec.containers[0].name == 'probe'", _PULLED):
        _wait(kube, "imagePullPolicy", "Always")
        result = program.run("live", base, "--scenario", "pull-policy", "--keep")
    assert result.code == 1, result.printed
    found = [finding["found"] for finding in result.findings(BASE) if finding["rule"] == "PP-3"]
    assert any(text.startswith("Never, with the image not on the node: the container started") for text in found)
    assert any(text.startswith("Never, with the image on the node: the registry received HEAD") for text in found)
    assert any(text.startswith("IfNotPresent, with the image on the node: the registry received") for text in found)
    assert not any(text.startswith("Always") for text in found)


def test_a_runtime_class_without_a_handler_is_an_error_at_once(kube: Kube, program: Program, base: Path) -> None:
    node = client.NodeV1Api(kube.core.api_client)
    class_ = {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": _NAME}, "handler": "nowhere"}
    kube.ensure("/apis/node.k8s.io/v1/runtimeclasses", class_)
    try:
        with _changed(kube, "!has(object.spec.runtimeClassName)", _CLASSED):
            _wait(kube, "runtimeClassName", _NAME)
            result = program.run("live", base, "--scenario", "drop-disabled", "--keep")
    finally:
        node.delete_runtime_class(_NAME)
    assert result.code == 3, result.printed
    assert "FailedCreatePodSandBox" in result.printed
    assert "nowhere" in result.printed
    assert result.seconds < 60


def test_a_cell_that_another_runtime_ran_is_an_error(kube: Kube, program: Program, base: Path) -> None:
    """The cell requests crun; another policy, first by its name, gives its pods to runc."""
    node = client.NodeV1Api(kube.core.api_client)
    class_ = {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": _NAME}, "handler": "runc"}
    kube.ensure("/apis/node.k8s.io/v1/runtimeclasses", class_)
    # The Jobs' pods only: the cell has seen by then that its own policy is in force.
    condition = "has(object.metadata.labels) && 'batch.kubernetes.io/job-name' in object.metadata.labels"
    try:
        with _changed(kube, condition, _CLASSED):
            result = program.run("live", base, "--runtime", "crun", "--scenario", "drop-disabled", "--keep")
    finally:
        node.delete_runtime_class(_NAME)
    assert result.code == 3, result.printed
    assert "the cell requests runtime crun, but the node ran" in result.printed
    assert "<failure" not in result.junit
