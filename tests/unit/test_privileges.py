"""What a chart asks for beyond a namespace of its own: each thing is named, and named before there is a cluster."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
import yaml

from osh_conformance.cli import main
from osh_conformance.config.options import LiveOptions
from osh_conformance.errors import SuiteError, UsageError
from osh_conformance.live import session
from osh_conformance.live.runtimes import RUNTIME_LABEL
from osh_conformance.manifests.privileges import Reason, asked_for, pod_security, told
from osh_conformance.model.chart import Document
from osh_conformance.plan.plan import LiveSuite
from osh_conformance.progress import Progress
from osh_conformance.render.parse import documents_of

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[2]
KEYSTONE = ROOT / "charts-under-test" / "keystone"
MARIADB = ROOT / "src" / "osh_conformance" / "data" / "infrastructure" / "mariadb"
LEVELS = {
    "baseline": {"pod-security.kubernetes.io/enforce": "baseline", "pod-security.kubernetes.io/warn": "baseline"},
    "privileged": {"pod-security.kubernetes.io/enforce": "privileged", "pod-security.kubernetes.io/warn": "privileged"},
}


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
    return told(asked_for(documents, "own"))


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
    "what baseline lets a container have": {
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
    "what Kubernetes itself would refuse to read": {"securityContext": [], "ports": {}, "lifecycle": "no"},
}


@pytest.mark.parametrize("asks", OF_CONTAINERS)
def test_what_a_container_asks_for_is_named_with_it(asks: str) -> None:
    found = asked_for([workload(container=OF_CONTAINERS[asks])], "own")
    assert found == (Reason(object="Deployment/nova", container="api", asks=asks, of_pods=True),)


@pytest.mark.parametrize("asks", OF_PODS)
def test_what_a_pod_asks_for_is_named_with_its_workload(asks: str) -> None:
    assert asked(workload(pod=OF_PODS[asks])) == [f"Deployment/nova: {asks}"]


@pytest.mark.parametrize("what", HARMLESS)
def test_what_baseline_admits_is_not_named(what: str) -> None:
    assert asked(workload(container=HARMLESS[what])) == []


def test_what_baseline_lets_a_pod_have_is_not_named() -> None:
    pod = {
        "hostNetwork": False,
        "hostUsers": True,
        "volumes": [{"name": "a", "configMap": {"name": "a"}}, {"name": "b", "persistentVolumeClaim": {}}],
        **security(sysctls=[{"name": "net.ipv4.tcp_syncookies", "value": "1"}], fsGroup=0),
    }
    assert asked(workload(pod=pod, annotations={"checksum/config": "unconfined"})) == []


@pytest.mark.parametrize("kind", ["Pod", "DaemonSet", "StatefulSet", "Job", "CronJob"])
def test_every_kind_of_workload_is_looked_into(kind: str) -> None:
    annotations = {"container.apparmor.security.beta.kubernetes.io/api": "unconfined"}
    found = workload(kind, pod={"hostPID": True}, container=security(privileged=True), annotations=annotations)
    assert asked(found) == [f"{kind}/nova api: AppArmor profile unconfined, privileged", f"{kind}/nova: hostPID"]


@pytest.mark.parametrize("profile", ["runtime/default", "localhost/mine", ""])
def test_an_apparmor_profile_of_the_runtime_or_the_node_is_not_named(profile: str) -> None:
    assert asked(workload(annotations={"container.apparmor.security.beta.kubernetes.io/api": profile})) == []


@pytest.mark.parametrize("field", ["initContainers", "ephemeralContainers"])
def test_every_kind_of_container_is_looked_into(field: str) -> None:
    pod = {field: [{"name": "other", **security(privileged=True)}]}
    assert asked(workload(pod=pod)) == ["Deployment/nova other: privileged"]


def test_a_pod_with_user_ids_of_its_own_may_see_all_of_proc() -> None:
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
def test_an_object_of_the_whole_cluster_is_named(version: str, kind: str) -> None:
    content = {"apiVersion": version, "kind": kind, "metadata": {"name": "x", "namespace": "own"}}
    assert asked(document(content)) == [f"{kind}/x: an object of the whole cluster"]


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
def test_an_object_of_the_own_namespace_is_not_named(version: str, kind: str, metadata: dict[str, str]) -> None:
    assert asked(document({"apiVersion": version, "kind": kind, "metadata": metadata})) == []


def test_an_object_of_another_namespace_is_named() -> None:
    content = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "reader", "namespace": "kube-system"},
    }
    assert asked(document(content)) == ["RoleBinding/reader: an object in the namespace kube-system"]


def test_a_kind_is_known_by_a_definition_that_the_chart_brings() -> None:
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "clouds.example.com"},
        "spec": {"group": "example.com", "scope": "Cluster", "names": {"kind": "Cloud"}},
    }
    cloud = {"apiVersion": "example.com/v1", "kind": "Cloud", "metadata": {"name": "one"}}
    assert "Cloud/one: an object of the whole cluster" in asked(document(definition), document(cloud, 1))
    namespaced = {**definition, "spec": {**definition["spec"], "scope": "Namespaced"}}  # type: ignore[dict-item]
    assert "Cloud/one: an object of the whole cluster" not in asked(document(namespaced), document(cloud, 1))


def test_the_same_object_of_two_renderings_is_named_once() -> None:
    assert len(asked_for([workload(pod={"hostPID": True})] * 2, "own")) == 1


# -- the namespace -------------------------------------------------------------------------------------------------


def test_a_namespace_is_at_baseline_unless_its_pods_were_allowed_more() -> None:
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "x"}}
    assert pod_security(()) == LEVELS["baseline"]
    assert pod_security(asked_for([document(role)], "own")) == LEVELS["baseline"]
    assert pod_security(asked_for([workload(pod={"hostPID": True})], "own")) == LEVELS["privileged"]


def test_the_suites_own_database_server_fits_into_baseline() -> None:
    renderer = LiveSuite(LiveOptions(paths=(KEYSTONE,), scenarios=("pull-policy",))).renderer
    texts = renderer.render(MARIADB, {"root": {"password": "none"}}, "infrastructure-mariadb", "own")
    assert told(asked_for(documents_of(texts), "own")) == []


# -- a run ---------------------------------------------------------------------------------------------------------

PRIVILEGED_POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "agent"},
    "spec": {
        "containers": [{"name": "agent", "image": "docker.io/example/agent:1.0.0", **security(privileged=True)}],
        "volumes": [{"name": "run", "hostPath": {"path": "/run"}}],
    },
}
ROLE = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "reader"}}
HOOK = {"metadata": {"name": "agent", "annotations": {"helm.sh/hook": "pre-delete"}}}


def chart(folder: Path, name: str, **files: Any) -> Path:
    """Our own chart under another name, with more objects in it."""
    library = folder / "library"
    folder.mkdir(exist_ok=True)
    if not library.exists():
        shutil.copytree(KEYSTONE.parent / "library", library)
    made = shutil.copytree(KEYSTONE, folder / name)
    file = made / "Chart.yaml"
    file.write_text(file.read_text().replace("name: keystone\n", f"name: {name}\n"))
    for place, content in files.items():
        target = made / place.replace("__", "/")
        target = target.with_name(f"{target.name}.yaml")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return made


def suite(*paths: Path, **wishes: Any) -> LiveSuite:
    return LiveSuite(LiveOptions(paths=paths, flavors=("shipped",), **wishes))


def refused(*paths: Path, **wishes: Any) -> str:
    with pytest.raises(UsageError) as caught:
        suite(*paths, **wishes)
    return str(caught.value)


def test_our_own_charts_ask_for_nothing() -> None:
    found = LiveSuite(LiveOptions(paths=(KEYSTONE.parent,), flavors=("all",)))
    assert found.privileged() == {}
    assert all(found.pod_security(cell_run) == LEVELS["baseline"] for cell_run in found.cell_runs)


def test_every_chart_of_a_tree_is_named_with_all_of_its_reasons(tmp_path: Path) -> None:
    chart(tmp_path, "clean")
    agent = chart(tmp_path, "agent", templates__agent=PRIVILEGED_POD)
    reader = chart(tmp_path, "reader", templates__role=ROLE)
    assert refused(tmp_path) == (
        "2 charts request more than a namespace of its own; nothing was installed\n"
        "  expected   pods that the Pod Security level `baseline` admits, and objects of the release's own namespace\n"
        "  fix        --allow-privileged, on a cluster of your own making\n"
        f"  | {agent}\n"
        "  |   Pod/agent: hostPath /run\n"
        "  |   Pod/agent agent: privileged\n"
        f"  | {reader}\n"
        "  |   ClusterRole/reader: an object of the whole cluster"
    )


def test_a_hook_is_named_too(tmp_path: Path) -> None:
    assert "Pod/agent agent: privileged" in refused(chart(tmp_path, "x", templates__agent={**PRIVILEGED_POD, **HOOK}))


def test_what_renders_only_with_the_drop_job_is_named_too(tmp_path: Path) -> None:
    text = "{{ if .Values.manifests.job_db_drop }}" + yaml.safe_dump(PRIVILEGED_POD) + "{{ end }}"
    made = chart(tmp_path, "x", templates__agent=text)
    assert "Pod/agent agent: privileged" in refused(made, scenarios=("drop-disabled",))


def test_what_the_users_values_ask_for_is_named(tmp_path: Path) -> None:
    text = "{{ if .Values.agent }}" + yaml.safe_dump(PRIVILEGED_POD) + "{{ end }}"
    made = chart(tmp_path, "x", templates__agent=text)
    assert suite(made).privileged() == {}
    assert "Pod/agent agent: privileged" in refused(made, values={"agent": True})


def test_what_the_previous_version_asks_for_is_named_where_it_is_installed(tmp_path: Path) -> None:
    made = chart(tmp_path, "x")
    old = chart(tmp_path / "old", "x", templates__agent=PRIVILEGED_POD)
    catalog = {"osh_conformance_catalog": 1, "charts": [{"path": "x", "previous": str(old.relative_to(tmp_path))}]}
    (tmp_path / "catalog.yaml").write_text(yaml.safe_dump(catalog))
    assert "Pod/agent agent: privileged" in refused(made, scenarios=("previous-version",))
    assert suite(made, scenarios=("drop-enabled",)).privileged() == {}


def test_definitions_that_no_template_renders_are_named(tmp_path: Path) -> None:
    definition = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}
    made = chart(tmp_path, "x", crds__cloud={**definition, "metadata": {"name": "clouds.example.com"}})
    archived = {
        "Chart.yaml": "apiVersion: v2\nname: inner\nversion: 1.0.0\n",
        "crds/rain.yaml": yaml.safe_dump({**definition, "metadata": {"name": "rains.example.com"}}),
    }
    (made / "charts").mkdir(exist_ok=True)
    with tarfile.open(made / "charts" / "inner-1.0.0.tgz", "w:gz") as archive:
        for name, text in archived.items():
            member = tarfile.TarInfo(f"inner/{name}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    said = refused(made)
    assert "CustomResourceDefinition/clouds.example.com: an object of the whole cluster" in said
    assert "CustomResourceDefinition/rains.example.com: an object of the whole cluster" in said


def test_a_chart_without_images_of_its_own_is_read_with_those_of_the_flavor(tmp_path: Path) -> None:
    made = chart(tmp_path, "keystone", templates__agent=PRIVILEGED_POD)
    file = made / "templates" / "agent.yaml"
    file.write_text(file.read_text() + '# {{ required "no image" .Values.images.agent }}\n')
    values = made / "values.yaml"
    values.write_text(values.read_text().replace("images:\n", "images:\n  agent: ''\n", 1))
    with pytest.raises(UsageError, match="Pod/agent agent: privileged"):
        LiveSuite(LiveOptions(paths=(made,), flavors=("distribution",)))


def test_a_chart_that_does_not_render_is_an_error_of_its_cells(tmp_path: Path) -> None:
    broken = chart(tmp_path, "broken", templates__broken='{{ fail "on purpose" }}')
    assert suite(broken).cell_runs


def test_probes_of_the_suites_own_need_no_chart(tmp_path: Path) -> None:
    found = suite(chart(tmp_path, "x", templates__agent=PRIVILEGED_POD), scenarios=("pull-policy",))
    assert [found.pod_security(cell_run) for cell_run in found.cell_runs] == [LEVELS["baseline"]]


def test_what_was_allowed_is_told_and_run_again_and_its_namespaces_admit_it(tmp_path: Path) -> None:
    made = chart(tmp_path, "x", templates__agent=PRIVILEGED_POD)
    found = suite(made, allow_privileged=True)
    levels = {cell_run.scenario.name: found.pod_security(cell_run) for cell_run in found.cell_runs}
    assert found.privileged() == {str(made): ["Pod/agent: hostPath /run", "Pod/agent agent: privileged"]}
    assert levels == {**dict.fromkeys(levels, LEVELS["privileged"]), "pull-policy": LEVELS["baseline"]}
    assert all(found.command(cell_run).endswith(" --allow-privileged") for cell_run in found.cell_runs)


def test_what_was_not_allowed_is_not_run_again_as_if_it_were() -> None:
    found = suite(KEYSTONE)
    assert "--allow-privileged" not in found.command(found.cell_runs[0])


def test_a_namespace_carries_its_level_beside_what_it_carried_before() -> None:
    found = suite(KEYSTONE, runtimes=("crun",))
    labels = session.LiveSession.labels(
        cast("Any", SimpleNamespace(suite=found, run_label={"osh-conformance.run": "live-1"})), found.cell_runs[0]
    )
    assert labels["osh-conformance.run"] == "live-1"
    assert labels.items() > LEVELS["baseline"].items()
    assert labels[RUNTIME_LABEL] == "crun"


def test_what_is_allowed_is_told_before_anything_is_set_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(**_wishes: object) -> None:
        raise SuiteError("no engine")

    monkeypatch.setattr("osh_conformance.live.session.provided.find", nothing)
    made = chart(tmp_path, "x", templates__agent=PRIVILEGED_POD)
    found, said = suite(made, allow_privileged=True), io.StringIO()
    with pytest.raises(SuiteError, match="no engine"), session.open_session(found, found.cell_runs, Progress(said)):
        pass
    assert said.getvalue() == (
        f"  {made} gets the privileged access that it requests: Pod/agent: hostPath /run; Pod/agent agent: privileged\n"
    )


# -- the command line ----------------------------------------------------------------------------------------------


def test_live_refuses_before_there_is_a_cluster(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = chart(tmp_path, "x", templates__agent=PRIVILEGED_POD)
    report = tmp_path / "report.json"
    assert main(["live", str(made), "--json", str(report), "--kubeconfig", str(_kubeconfig(tmp_path)), *OWN]) == 4
    assert "ERROR 1 chart requests more than a namespace of its own" in capsys.readouterr().err
    assert "Pod/agent agent: privileged" in json.dumps(json.loads(report.read_text()))


def test_a_plan_shows_what_is_allowed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = chart(tmp_path, "x", templates__agent=PRIVILEGED_POD)
    assert main(["plan", str(made), "--flavor", "shipped"]) == 4
    assert main(["plan", str(made), "--flavor", "shipped", "--allow-privileged"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [str(made), "Pod/agent", "agent:", "privileged"] in lines


OWN = ("--flavor", "shipped", "--allow-cluster", "own")


def _kubeconfig(folder: Path) -> Path:
    """A cluster that nobody could reach: a run that got so far would say so."""
    file = folder / "config"
    file.write_text(
        "apiVersion: v1\ncurrent-context: own\n"
        "contexts: [{name: own, context: {cluster: own, user: u}}]\n"
        "clusters: [{name: own, cluster: {server: 'https://127.0.0.1:1'}}]\nusers: [{name: u, user: {}}]\n"
    )
    return file
