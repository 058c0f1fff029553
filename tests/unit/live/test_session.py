"""What stops a live run before there is a cluster: images that nobody provides."""

from __future__ import annotations

from types import MappingProxyType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from osh_conformance.errors import SuiteError
from osh_conformance.folders import Folders
from osh_conformance.live import session
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
