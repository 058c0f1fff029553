"""Sets the container runtime of all pods of a namespace at admission, so that charts need no setting for it."""

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING, Any

from osh_conformance.waiting import until

if TYPE_CHECKING:
    import threading
    from collections.abc import Collection, Iterable, Iterator

    from osh_conformance.cluster.api import Kube
    from osh_conformance.model.matrix import ContainerRuntime

#: The pods of a namespace with this label get the runtime of that name.
RUNTIME_LABEL = "osh-conformance.runtime"
_PREFIX = "osh-conformance-"
_IN_FORCE_WITHIN = 30.0
_ADMISSION = "/apis/admissionregistration.k8s.io/v1"
_POLICIES = f"{_ADMISSION}/mutatingadmissionpolicies"
_BINDINGS = f"{_ADMISSION}/mutatingadmissionpolicybindings"
_CLASSES = "/apis/node.k8s.io/v1/runtimeclasses"


def class_name(runtime: ContainerRuntime) -> str:
    """Return the name of a runtime's RuntimeClass on a cluster of ours."""
    return f"{_PREFIX}{runtime.name}"


def offer(kube: Kube, runtimes: Iterable[ContainerRuntime]) -> None:
    """Create RuntimeClasses, and the policies that set them on pods, unless they exist.

    Raises `SuiteError` if the API has no MutatingAdmissionPolicy (Kubernetes before 1.36).
    """
    for path, manifest in _manifests(runtimes):
        kube.ensure(path, manifest)


def handlers(kube: Kube) -> dict[str, str]:
    """Return the handler of each RuntimeClass of the cluster, by the class's name."""
    return {each["metadata"]["name"]: each["handler"] for each in kube.list(_CLASSES)}


def is_handler_of(runtime: ContainerRuntime, handler: str) -> bool:
    """Whether the owner of a cluster gives this runtime to pods by a RuntimeClass with this handler."""
    return any(fnmatch.fnmatchcase(handler, pattern) for pattern in runtime.owner_handlers)


def classes_of_owner(kube: Kube, runtime: ContainerRuntime) -> frozenset[str]:
    """Return the names of the RuntimeClasses by which the owner of the cluster gives this runtime to pods."""
    return frozenset(name for name, handler in handlers(kube).items() if is_handler_of(runtime, handler))


def wait(kube: Kube, namespace: str, classes: Collection[str], cancel: threading.Event) -> None:
    """Wait until a new pod in the namespace would get one of these RuntimeClasses.

    A policy takes effect a moment after its creation, and a label a moment after that of its namespace. Raises
    `WaitTimeoutError` if that does not happen.
    """
    actual = ""

    def in_force() -> bool:
        nonlocal actual
        actual = _runtime_class_of_new_pod(kube, namespace)
        return actual in classes

    # The API server does not report when it has read a policy.
    what = f"an admission policy to give pods in namespace {namespace} the RuntimeClass {' or '.join(sorted(classes))}"
    until(
        in_force,
        what,
        deadline=_IN_FORCE_WITHIN,
        cancel=cancel,
        state=lambda: f"a pod would get the RuntimeClass {actual or 'none'}",
    )


def _runtime_class_of_new_pod(kube: Kube, namespace: str) -> str:
    """Return the RuntimeClass that a new pod in the namespace would get now; "" without one."""
    container = {"name": "none", "image": "example.invalid/none:1.0.0"}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "which-runtime"},
        "spec": {"containers": [container], "automountServiceAccountToken": False},
    }
    admitted = kube.dry_run(f"/api/v1/namespaces/{namespace}/pods", pod)
    return str(admitted.get("spec", {}).get("runtimeClassName") or "")


def _manifests(runtimes: Iterable[ContainerRuntime]) -> Iterator[tuple[str, dict[str, Any]]]:
    for runtime in runtimes:
        name = class_name(runtime)
        yield (
            _CLASSES,
            {
                "apiVersion": "node.k8s.io/v1",
                "kind": "RuntimeClass",
                "metadata": {"name": name},
                "handler": runtime.handler,
            },
        )
        yield _POLICIES, _policy(name)
        yield _BINDINGS, _binding(name, runtime)


def _policy(name: str) -> dict[str, Any]:
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    expression = f'Object{{spec: Object.spec{{runtimeClassName: "{name}"}}}}'
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {
            "failurePolicy": "Fail",
            "reinvocationPolicy": "Never",
            "matchConstraints": {"resourceRules": [rule]},
            "matchConditions": [{"name": "unset", "expression": "!has(object.spec.runtimeClassName)"}],
            "mutations": [{"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}}],
        },
    }


def _binding(name: str, runtime: ContainerRuntime) -> dict[str, Any]:
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingAdmissionPolicyBinding",
        "metadata": {"name": name},
        "spec": {
            "policyName": name,
            "matchResources": {"namespaceSelector": {"matchLabels": {RUNTIME_LABEL: runtime.name}}},
        },
    }
