"""The Keystone chart's own tests, with the fixtures of pytest-helm-charts.

`osh-conformance live` runs this file in every cell while the release is installed. On another cluster, run it directly:

    KUBECONFIG=... ATS_EXTRA_NAMESPACE=identity ATS_EXTRA_RELEASE=keystone pytest charts-under-test/tests/keystone
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pykube
import pytest
from pytest_helm_charts.k8s.deployment import wait_for_deployments_to_run

if TYPE_CHECKING:
    from pytest_helm_charts.clusters import Cluster


@pytest.fixture(scope="module")
def namespace(test_extra_info: dict[str, str]) -> str:
    return test_extra_info["namespace"]


@pytest.fixture(scope="module")
def release(test_extra_info: dict[str, str]) -> str:
    return test_extra_info["release"]


def test_the_api_becomes_ready(kube_cluster: Cluster, namespace: str, release: str) -> None:
    (deployment,) = wait_for_deployments_to_run(kube_cluster.kube_client, [f"{release}-api"], namespace, 60)
    assert deployment.ready


def test_every_job_has_a_label_with_its_release(kube_cluster: Cluster, namespace: str, release: str) -> None:
    jobs = pykube.Job.objects(kube_cluster.kube_client, namespace=namespace)
    own = [job for job in jobs if job.name.startswith(f"{release}-")]
    assert own
    assert {job.labels["app.kubernetes.io/instance"] for job in own} == {release}


def test_the_api_reports_version_3(kube_cluster: Cluster, namespace: str, release: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/services/{release}-api:5000/proxy/v3"
    answer = kube_cluster.kube_client.session.get(kube_cluster.kube_client.url + path)
    assert answer.status_code == 200
    assert answer.json()["version"]["id"].startswith("v3")


def test_chart_version_matches_the_chart_file(chart_path: str, chart_version: str) -> None:
    assert f"version: {chart_version}" in (Path(chart_path) / "Chart.yaml").read_text()
