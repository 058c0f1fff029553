"""What stops a live run before there is a cluster: images that nobody provides."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType, SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from osh_conformance.cluster.cluster import NODE_EXEC, Cluster
from osh_conformance.errors import SuiteError
from osh_conformance.folders import Folders
from osh_conformance.live import session
from osh_conformance.live.runtimes import RUNTIME_LABEL
from osh_conformance.loading import definitions
from osh_conformance.model.convention import DATABASE
from osh_conformance.plan.servers import SERVERS
from osh_conformance.progress import Progress
from osh_conformance.provision.registries import Registries
from osh_conformance.provision.tools import Tools
from osh_conformance.registry.images import REGISTRY_IMAGE
from tests.unit.privileged_charts import chart, suite

if TYPE_CHECKING:
    from pathlib import Path

    from osh_conformance.plan.plan import LiveSuite

OWN = "osh-conformance.invalid/keystone-distribution:22.0.2"
PUBLISHED = "docker.io/acme/keystone:28.0.0"
NODE = "kindest/node:v1"


def pod(image: str) -> dict[str, Any]:
    spec = {"containers": [{"name": "x", "image": image}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": spec}


def opened(found: LiveSuite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *in_docker: str) -> None:
    """Open a session on a machine without registries, whose Docker has these images; it ends before a cluster."""

    def cluster(*_: object) -> object:
        raise SuiteError("a cluster is created")

    def inspected(*_: str) -> object:
        return SimpleNamespace(stdout="")

    docker: Any = SimpleNamespace(
        has_image=lambda reference: reference in in_docker, run=inspected, pulled_digest=lambda _: None
    )
    tools = Tools(
        engine=docker,
        kind_program=tmp_path / "kind",
        helm=MappingProxyType({4: tmp_path / "helm"}),
        node_image=NODE,
        kind_config=None,
        registries=Registries(_answers={host: f"{host}: no such host" for host in ("docker.io", "quay.io")}),
        folders=Folders(cache=tmp_path / "cache", state=tmp_path / "state"),
    )
    monkeypatch.setattr("osh_conformance.live.session.provided.find", lambda *_, **__: tools)
    monkeypatch.setattr(session, "_open_cluster", cluster)
    with session.open_session(found, found.cell_runs, Progress(quiet=True)):
        pass


#: What every run on a cluster of the suite needs.
COMMON = (REGISTRY_IMAGE, SERVERS[DATABASE].image, f"docker.io/{NODE}")
#: What the reference chart ships.
SHIPPED = (OWN, "quay.io/airshipit/kubernetes-entrypoint:v1.0.0")


def test_a_chart_whose_images_are_there_gets_a_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = suite(chart(tmp_path, "x", templates__pod=pod(PUBLISHED)), scenarios=("drop-enabled",))
    assert found.images(found.cell_runs[0]) == {PUBLISHED, *SHIPPED}
    with pytest.raises(SuiteError, match="a cluster is created"):
        opened(found, tmp_path, monkeypatch, PUBLISHED, *SHIPPED, *COMMON)


def test_a_missing_image_of_the_only_chart_is_an_error_before_a_cluster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = suite(chart(tmp_path, "x", templates__pod=pod(PUBLISHED)), scenarios=("drop-enabled",))
    with pytest.raises(SuiteError, match="no cluster was created") as raised:
        opened(found, tmp_path, monkeypatch, *SHIPPED, *COMMON)
    assert PUBLISHED in raised.value.details
    assert "no such host" in raised.value.details


@pytest.mark.parametrize("missing", COMMON)
def test_an_image_that_every_run_needs_is_an_error_before_a_cluster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    found = suite(chart(tmp_path, "x", templates__pod=pod(PUBLISHED)), scenarios=("drop-enabled",))
    others = {PUBLISHED, *SHIPPED, *COMMON} - {missing}
    with pytest.raises(SuiteError, match="no cluster was created"):
        opened(found, tmp_path, monkeypatch, *others)


def test_an_image_that_is_missing_for_each_helm_major_is_an_error_before_a_cluster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = chart(tmp_path, "x", templates__pod=pod(PUBLISHED))
    found = suite(made, scenarios=("drop-enabled",), helm_majors=(3, 4))
    assert [found.images(cell_run) for cell_run in found.cell_runs] == [{PUBLISHED, *SHIPPED}] * 2
    with pytest.raises(SuiteError, match="no cluster was created"):
        opened(found, tmp_path, monkeypatch, *SHIPPED, *COMMON)


def test_a_malformed_reference_of_one_chart_does_not_stop_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chart(tmp_path, "malformed", templates__pod=pod("docker.io/Upper/case:1"))
    chart(tmp_path, "whole")
    with pytest.raises(SuiteError, match="a cluster is created"):
        opened(suite(tmp_path, scenarios=("drop-enabled",)), tmp_path, monkeypatch, *SHIPPED, *COMMON)


def test_a_chart_that_lacks_an_image_does_not_stop_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chart(tmp_path, "lacks", templates__pod=pod(PUBLISHED))
    chart(tmp_path, "whole")
    found = suite(tmp_path, scenarios=("drop-enabled",))
    with pytest.raises(SuiteError, match="a cluster is created"):
        opened(found, tmp_path, monkeypatch, *SHIPPED, *COMMON)


def test_an_image_that_does_not_render_is_not_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "{{ if .Values.never }}" + str(pod(PUBLISHED)) + "{{ end }}"
    found = suite(chart(tmp_path, "x", templates__pod=text), scenarios=("drop-enabled",))
    with pytest.raises(SuiteError, match="a cluster is created"):
        opened(found, tmp_path, monkeypatch, *SHIPPED, *COMMON)


def test_a_cluster_of_the_user_is_not_asked_for_the_suites_own_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = suite(chart(tmp_path, "x", templates__pod=pod(OWN)), scenarios=("drop-enabled",))
    monkeypatch.setattr(found.options.__class__, "kubeconfig", tmp_path / "kubeconfig", raising=False)
    with pytest.raises(SuiteError, match=r"cannot pull osh-conformance\.invalid") as raised:
        opened(found, tmp_path, monkeypatch)
    assert "--flavor shipped" in raised.value.fix


# -- an open session -------------------------------------------------------------------------------------------------


class _Nodes:
    """An API server, and nodes that have runc and crun; `asked` counts how often the API server listed the nodes."""

    def __init__(self, **runtimes: str) -> None:
        self.runtimes, self.asked = runtimes, 0

    def node_runtimes(self) -> dict[str, str]:
        self.asked += 1
        return self.runtimes

    def run(self, _exec: str, _node: str, program: str, *_: str, **_options: object) -> object:
        return SimpleNamespace(ok=program in {"runc", "crun"}, stdout=f"{program} version 1.2.3\n")


def open_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nodes: _Nodes, *runtimes: str, own: bool = True
) -> session.LiveSession:
    monkeypatch.setattr(session.LiveSession, "helm", lambda *_: SimpleNamespace(version=lambda: "v4.3.1"))
    found = suite(chart(tmp_path, "x"), scenarios=("drop-enabled",), runtimes=runtimes)
    fakes: dict[str, Any] = dict.fromkeys(
        ("tools", "kubeconfig", "folder", "images", "charts", "progress", "closing"), None
    )
    cluster: Any = Cluster(
        name="c",
        kubeconfig=tmp_path,
        context="c",
        nodes=tuple(nodes.runtimes) if own else (),
        registry=None,
        owned=own,
        capabilities={NODE_EXEC: (own, "not ours")},
        docker=cast("Any", nodes),
    )
    return session.LiveSession(
        suite=found,
        cluster=cluster,
        kube=cast("Any", nodes),
        node_runtimes=dict(nodes.runtimes),
        kubernetes="v1.37.2",
        cell_runs=found.cell_runs,
        **fakes,
    )


def test_the_versions_name_the_default_runtime_of_the_nodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = open_session(tmp_path, monkeypatch, _Nodes(a="containerd://2.4.2"))
    assert opened.versions() == {
        "helm 4": "v4.3.1",
        "nodes": "containerd://2.4.2",
        "runtime runc": "1.2.3",
        "database server": SERVERS[DATABASE].image,
    }


def test_the_versions_name_each_runtime_of_the_run_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = open_session(tmp_path, monkeypatch, _Nodes(a="containerd://2.4.2"), "crun", "youki")
    assert {name: text for name, text in opened.versions().items() if "runtime" in name} == {"runtime crun": "1.2.3"}


def test_the_versions_of_a_cluster_of_the_user_are_those_that_its_api_knows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes = _Nodes(c="cri-o://1.36.0", b="containerd://2.4.2", a="containerd://2.4.2")
    opened = open_session(tmp_path, monkeypatch, nodes, own=False)
    assert opened.versions()["nodes"] == "a, b: containerd://2.4.2; c: cri-o://1.36.0"
    assert not any("runtime" in name for name in opened.versions())
    assert opened.node_runtime == "containerd://2.4.2 or cri-o://1.36.0"


def test_nodes_that_agree_are_not_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = open_session(tmp_path, monkeypatch, _Nodes(a="cri-o://1.36.0", b="cri-o://1.36.0"))
    assert (opened.versions()["nodes"], opened.node_runtime) == ("cri-o://1.36.0", "cri-o://1.36.0")


def test_a_node_that_joined_the_cluster_later_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = _Nodes(a="containerd://2.4.2")
    opened = open_session(tmp_path, monkeypatch, nodes)
    assert (opened.runtime_of("a"), nodes.asked) == ("containerd://2.4.2", 0)
    nodes.runtimes = {"b": "cri-o://1.36.0"}
    assert (opened.runtime_of("b"), opened.runtime_of("gone")) == ("cri-o://1.36.0", "")
    assert opened.runtime_of("a") == "containerd://2.4.2", "it was there when pods ran on it"


@pytest.mark.parametrize(("runtimes", "label"), [((), None), (("crun",), "crun")])
def test_the_namespace_of_a_cell_says_which_runtime_it_asks_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runtimes: tuple[str, ...], label: str | None
) -> None:
    opened = open_session(tmp_path, monkeypatch, _Nodes(a="containerd://2.4.2"), *runtimes)
    opened.folder = tmp_path
    assert opened.labels(opened.cell_runs[0]).get(RUNTIME_LABEL) == label


def test_a_policy_of_the_owner_finds_a_runtime_without_a_handler_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = open_session(tmp_path, monkeypatch, _Nodes(a="containerd://2.4.2"))
    opened.folder = tmp_path
    (first, *_) = opened.cell_runs
    on_kata = replace(first, axes=replace(first.axes, runtime=definitions.runtimes()["kata"]))
    assert opened.labels(on_kata)[RUNTIME_LABEL] == "kata"
