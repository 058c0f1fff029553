"""What manifests request beyond the Pod Security level baseline and their own namespace, each request by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from osh_conformance.manifests.privileges import Reason, as_lines, pod_security, requested_access
from osh_conformance.model.chart import Document
from tests.paths import ROOT
from tests.unit.privileged_charts import LEVELS

if TYPE_CHECKING:
    from collections.abc import Mapping

MARIADB = ROOT / "src" / "osh_conformance" / "data" / "infrastructure" / "mariadb"


def document(content: Mapping[str, Any], occurrence: int = 0) -> Document:
    return Document(template="templates/x.yaml", occurrence=occurrence, content=content)


def workload(kind: str = "Deployment", *, pod: Any = None, container: Any = None, annotations: Any = None) -> Document:
    """A workload with one main container, and an init container that is never broken."""
    spec = {
        "initContainers": [{"name": "init", "securityContext": {"privileged": False}}],
        "containers": [{"name": "api", **(container or {})}],
        **(pod or {}),
    }
    template = {"metadata": {"annotations": annotations or {}}, "spec": spec}
    metadata = {"name": "nova"}
    if kind == "Pod":
        return document(
            {"apiVersion": "v1", "kind": kind, "metadata": {**template["metadata"], **metadata}, "spec": spec}
        )
    inner: dict[str, Any] = {"template": template}
    if kind == "CronJob":
        inner = {"jobTemplate": {"spec": inner}}
    return document({"apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": inner})


def asked(*documents: Document) -> list[str]:
    return as_lines(requested_access(documents, "own"))


def security(**context: Any) -> dict[str, Any]:
    return {"securityContext": context}


OF_CONTAINERS = {
    "privileged": security(privileged=True),
    "capability SYS_ADMIN": security(capabilities={"add": ["CHOWN", "SYS_ADMIN"], "drop": ["ALL"]}),
    "procMount Unmasked": security(procMount="Unmasked"),
    "seccomp profile Unconfined": security(seccompProfile={"type": "Unconfined"}),
    "AppArmor profile Unconfined": security(appArmorProfile={"type": "Unconfined"}),
    "SELinux type spc_t": security(seLinuxOptions={"type": "spc_t", "level": "s0"}),
    "SELinux user system_u": security(seLinuxOptions={"user": "system_u"}),
    "SELinux role sysadm_r": security(seLinuxOptions={"role": "sysadm_r"}),
    "hostProcess": security(windowsOptions={"hostProcess": True}),
    "hostPort 8080": {"ports": [{"containerPort": 80}, {"containerPort": 8080, "hostPort": 8080}]},
    "readinessProbe of the host 127.0.0.1": {"readinessProbe": {"tcpSocket": {"host": "127.0.0.1", "port": 1}}},
    "preStop of the host 192.0.2.1": {"lifecycle": {"preStop": {"httpGet": {"host": "192.0.2.1", "port": 1}}}},
}
OF_PODS = {
    "hostNetwork": {"hostNetwork": True},
    "hostPID": {"hostPID": True},
    "hostIPC": {"hostIPC": True},
    "hostPath /run": {"volumes": [{"name": "a", "emptyDir": {}}, {"name": "b", "hostPath": {"path": "/run"}}]},
    "sysctl kernel.msgmax": security(sysctls=[{"name": "kernel.msgmax", "value": "1"}]),
    "seccomp profile Unconfined": security(seccompProfile={"type": "Unconfined"}),
    "AppArmor profile Unconfined": security(appArmorProfile={"type": "Unconfined"}),
    "SELinux type spc_t": security(seLinuxOptions={"type": "spc_t"}),
    "hostProcess": security(windowsOptions={"hostProcess": True}),
}
HARMLESS = {
    "nothing": {},
    "all that baseline admits": {
        **security(
            privileged=False,
            capabilities={"add": ["NET_BIND_SERVICE", "SYS_CHROOT"]},
            procMount="Default",
            seccompProfile={"type": "Localhost", "localhostProfile": "x.json"},
            appArmorProfile={"type": "RuntimeDefault"},
            seLinuxOptions={"type": "container_init_t", "level": "s0"},
            windowsOptions={"hostProcess": False},
            runAsUser=0,
            allowPrivilegeEscalation=True,
        ),
        "ports": [{"containerPort": 80, "hostPort": 0}],
        "livenessProbe": {"httpGet": {"path": "/", "port": 80}},
        "lifecycle": {"postStart": {"exec": {"command": ["true"]}}},
    },
    "fields of a wrong type": {"securityContext": [], "ports": {}, "lifecycle": "no"},
}


@pytest.mark.parametrize("asks", OF_CONTAINERS)
def test_a_request_of_a_container_names_workload_and_container(asks: str) -> None:
    found = requested_access([workload(container=OF_CONTAINERS[asks])], "own")
    assert found == (Reason(object="Deployment/nova", container="api", asks=asks, of_pods=True),)


@pytest.mark.parametrize("asks", OF_PODS)
def test_a_request_of_a_pod_names_its_workload(asks: str) -> None:
    assert asked(workload(pod=OF_PODS[asks])) == [f"Deployment/nova: {asks}"]


@pytest.mark.parametrize("what", HARMLESS)
def test_a_container_within_baseline_requests_nothing(what: str) -> None:
    assert asked(workload(container=HARMLESS[what])) == []


def test_a_pod_within_baseline_requests_nothing() -> None:
    pod = {
        "hostNetwork": False,
        "hostUsers": True,
        "volumes": [{"name": "a", "configMap": {"name": "a"}}, {"name": "b", "persistentVolumeClaim": {}}],
        **security(sysctls=[{"name": "net.ipv4.tcp_syncookies", "value": "1"}], fsGroup=0),
    }
    assert asked(workload(pod=pod, annotations={"checksum/config": "unconfined"})) == []


@pytest.mark.parametrize("kind", ["Pod", "DaemonSet", "StatefulSet", "Job", "CronJob"])
def test_every_kind_of_workload_is_read(kind: str) -> None:
    annotations = {"container.apparmor.security.beta.kubernetes.io/api": "unconfined"}
    found = workload(kind, pod={"hostPID": True}, container=security(privileged=True), annotations=annotations)
    assert asked(found) == [f"{kind}/nova api: AppArmor profile unconfined, privileged", f"{kind}/nova: hostPID"]


@pytest.mark.parametrize("profile", ["runtime/default", "localhost/mine", ""])
def test_an_apparmor_profile_of_the_runtime_or_the_node_is_no_request(profile: str) -> None:
    assert asked(workload(annotations={"container.apparmor.security.beta.kubernetes.io/api": profile})) == []


@pytest.mark.parametrize("field", ["initContainers", "ephemeralContainers"])
def test_every_kind_of_container_is_read(field: str) -> None:
    pod = {field: [{"name": "other", **security(privileged=True)}]}
    assert asked(workload(pod=pod)) == ["Deployment/nova other: privileged"]


def test_a_pod_in_its_own_user_namespace_may_have_an_unmasked_proc() -> None:
    unmasked = security(procMount="Unmasked")
    assert asked(workload(container=unmasked, pod={"hostUsers": False})) == []


@pytest.mark.parametrize(
    ("version", "kind"),
    [
        ("v1", "Namespace"),
        ("v1", "PersistentVolume"),
        ("rbac.authorization.k8s.io/v1", "ClusterRole"),
        ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"),
        ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
        ("storage.k8s.io/v1", "StorageClass"),
        ("scheduling.k8s.io/v1", "PriorityClass"),
        ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration"),
        ("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration"),
        ("apiregistration.k8s.io/v1", "APIService"),
        ("cert-manager.io/v1", "ClusterIssuer"),
    ],
)
def test_a_cluster_scoped_object_is_a_request(version: str, kind: str) -> None:
    content = {"apiVersion": version, "kind": kind, "metadata": {"name": "x", "namespace": "own"}}
    (found,) = requested_access([document(content)], "own")
    assert (found.object, found.container, found.of_pods) == (f"{kind}/x", "", False)
    assert "cluster" in found.asks


@pytest.mark.parametrize(
    ("version", "kind"),
    [
        ("v1", "ConfigMap"),
        ("rbac.authorization.k8s.io/v1", "Role"),
        ("postgresql.cnpg.io/v1", "Cluster"),
        ("example.com/v1", "Node"),
    ],
)
@pytest.mark.parametrize("metadata", [{"name": "x"}, {"name": "x", "namespace": "own"}, {"name": "x", "namespace": ""}])
def test_an_object_in_the_own_namespace_is_no_request(version: str, kind: str, metadata: dict[str, str]) -> None:
    assert asked(document({"apiVersion": version, "kind": kind, "metadata": metadata})) == []


def test_an_object_in_another_namespace_is_a_request() -> None:
    content = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "reader", "namespace": "kube-system"},
    }
    (found,) = requested_access([document(content)], "own")
    assert (found.object, found.container, found.of_pods) == ("RoleBinding/reader", "", False)
    assert "kube-system" in found.asks


def test_the_scope_of_a_kind_comes_from_a_definition_in_the_chart() -> None:
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "clouds.example.com"},
        "spec": {"group": "example.com", "scope": "Cluster", "names": {"kind": "Cloud"}},
    }
    cloud = {"apiVersion": "example.com/v1", "kind": "Cloud", "metadata": {"name": "one"}}
    assert "Cloud/one" in {
        found.object for found in requested_access([document(definition), document(cloud, 1)], "own")
    }
    namespaced = {**definition, "spec": {**definition["spec"], "scope": "Namespaced"}}  # type: ignore[dict-item]
    assert "Cloud/one" not in {
        found.object for found in requested_access([document(namespaced), document(cloud, 1)], "own")
    }


def test_the_same_object_in_two_renderings_is_one_request() -> None:
    assert len(requested_access([workload(pod={"hostPID": True})] * 2, "own")) == 1


def test_a_namespace_is_privileged_only_for_pods_beyond_baseline() -> None:
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "x"}}
    assert pod_security(()) == LEVELS["baseline"]
    assert pod_security(requested_access([document(role)], "own")) == LEVELS["baseline"]
    assert pod_security(requested_access([workload(pod={"hostPID": True})], "own")) == LEVELS["privileged"]
