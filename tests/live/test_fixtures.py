"""The fixtures for chart authors' own tests, on a cluster of the suite's own."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from ci.calls import state_of
from tests.paths import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.live.driving import Program

_LONGEST = 420.0
_CHART = {
    "Chart.yaml": "apiVersion: v2\nname: notes\nversion: 1.0.0\n",
    "values.yaml": "image: docker.io/library/mariadb:10.11.11\ndatabase: {host: '', username: '', password: ''}\n",
    "templates/jobs.yaml": """
{{- range $name, $sql := dict "init" "CREATE DATABASE notes" "drop" "DROP DATABASE notes" }}
---
apiVersion: batch/v1
kind: Job
metadata:
  name: notes-{{ $name }}
  {{- if eq $name "drop" }}
  annotations: {helm.sh/hook: pre-delete}
  {{- end }}
spec:
  template:
    spec:
      restartPolicy: OnFailure
      containers:
        - name: {{ $name }}
          image: {{ $.Values.image }}
          command: [mariadb, "--host={{ $.Values.database.host }}", "--user={{ $.Values.database.username }}"]
          args: ["--password={{ $.Values.database.password }}", --execute, {{ $sql }}]
          securityContext: {runAsUser: 1000}
{{- end }}
""",
}
_TESTS = """
from pathlib import Path

import pykube
import pytest

CHART = Path(__file__).parent / "notes"


@pytest.fixture
def values(conformance_database):
    database = conformance_database
    return {"database": {name: getattr(database, name) for name in ("host", "username", "password")}}


def test_own_chart_drops_its_database(conformance_helm, conformance_database, values):
    conformance_helm.install("notes", CHART, values)
    assert conformance_database.databases() == ("notes",)
    conformance_helm.upgrade("notes", CHART, values)
    conformance_helm.uninstall("notes")
    assert conformance_database.databases() == ()


def test_own_change_reaches_the_server(conformance_database):
    conformance_database.change("CREATE USER reader@'%' IDENTIFIED BY 'secret'; GRANT SELECT ON a.* TO reader@'%';")
    assert conformance_database.accounts()["reader@%"] == ("SELECT ON a", "USAGE ON *")


def test_own_failure_has_the_words_of_helm(conformance_helm):
    outcome = conformance_helm.uninstall("nothing", check=False)
    assert not outcome.ok
    assert "nothing" in outcome.stderr


def test_own_namespace_is_empty_and_on_the_cluster_of_pytest_helm_charts(
    conformance_cluster, conformance_namespace, kube_cluster
):
    namespaces = [each.name for each in pykube.Namespace.objects(kube_cluster.kube_client)]
    assert conformance_namespace in namespaces
    assert not list(pykube.Pod.objects(kube_cluster.kube_client, namespace=conformance_namespace))
    labels = pykube.Namespace.objects(kube_cluster.kube_client).get(name=conformance_namespace).labels
    assert labels["pod-security.kubernetes.io/enforce"] == "baseline"
    assert conformance_cluster.kubernetes.startswith("v1.")
"""


def test_the_fixtures_serve_the_tests_of_a_chart_author(own_cluster: Program, base: Path, tmp_path: Path) -> None:
    for name, text in _CHART.items():
        file = tmp_path / "notes" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (tmp_path / "test_notes.py").write_text(_TESTS)
    words = ("--live", "--charts", base, "-p", "no:cacheprovider", "-k", "test_notes", "test_notes.py")
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", *words],
        cwd=tmp_path,
        env={**os.environ, **state_of(own_cluster.home), "OSH_CONFORMANCE_RECIPES": str(ROOT / "ci")},
        capture_output=True,
        text=True,
        timeout=_LONGEST,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "4 passed" in ended.stdout
