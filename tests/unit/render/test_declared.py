"""What a chart declares: its pull policy, its images by key, and the key of each container."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from osh_conformance.charts.source import opened
from osh_conformance.render.declared import declare
from osh_conformance.render.engines.choice import choose
from osh_conformance.render.parse import containers_of
from tests.case_charts import case
from tests.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from osh_conformance.model.chart import DeclaredChart

FIELD = ROOT / "tests" / "field"
_DROP = {"manifests": {"job_db_drop": True}}


def declared_by(chart: str, values: Mapping[str, Any]) -> DeclaredChart:
    with opened(case(chart)) as source:
        return declare(source, None, values, choose())


@pytest.mark.parametrize(("chart", "convention"), [("clean-flat", "reference"), ("clean-tags", "osh")])
def test_each_container_has_the_key_that_decides_its_image(chart: str, convention: str) -> None:
    declared = declared_by(chart, _DROP)
    keys = {container.label: container.key for container in declared.containers}
    assert declared.convention == convention
    assert keys["Deployment/api-deployment init"] == "dep_check"
    assert keys["Job/db-drop db-drop"] == "db_drop"
    assert keys["CronJob/rotate rotate"] == "api"
    assert "" not in keys.values()


def test_a_job_named_by_a_hash_of_its_values_keeps_its_name_and_finds_its_key() -> None:
    declared = declared_by("clean-flat", {})
    (job,) = [container for container in declared.containers if container.name == "db-sync"]
    assert job.workload_name.startswith("db-sync-")
    assert job.key == "db_sync"


def test_overrides_change_the_declared_images() -> None:
    values = {"images": {"api": "quay.io/other/api:2", "pull_policy": "Never"}}
    declared = declared_by("clean-flat", values)
    assert declared.policy == "Never"
    assert declared.images["api"] == "quay.io/other/api:2"
    assert {container.pull_policy for container in declared.containers} == {"Never"}
    standard = ("dep_check", "db_init", "db_sync", "db_drop")
    assert declared.functions == {"api": "", **{key: key for key in standard}}


def test_a_hook_is_declared_with_its_phases() -> None:
    declared = declared_by("clean-flat", _DROP)
    assert {container.hook for container in declared.containers if container.name == "db-drop"} == {("pre-delete",)}


def test_a_map_and_a_list_are_declared_and_find_their_containers(tmp_path: Path) -> None:
    chart = shutil.copytree(FIELD / "list-of-references-in-a-group" / "fixed", tmp_path / "courier")
    with opened(chart) as source:
        declared = declare(source, None, {}, choose())
    assert {container.name: container.key for container in declared.containers} == {
        "first": "images.warmup.nodes[0]",
        "second": "images.warmup.nodes[1]",
        "pause": "courier",
    }
    assert declared.images["images.warmup.nodes[1]"] == "quay.io/example/cache:7.2.4"
    assert {container.arrived for container in declared.containers} == {None}


def test_a_map_that_leaves_its_tag_to_the_template_says_what_renders(tmp_path: Path) -> None:
    chart = shutil.copytree(FIELD / "helm-create" / "fixed", tmp_path / "hangar")
    with opened(chart) as source:
        declared = declare(source, None, {}, choose())
    assert declared.convention == "helm"
    assert declared.images["image"] == "quay.io/example/hangar:2.3.1"


def _prefixed(tmp_path: Path, images: str) -> set[str | None]:
    """Return what arrives in a chart whose template puts a host in front, as helm-toolkit does."""
    chart = tmp_path / "web"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: web\nversion: 0.1.0\n")
    (chart / "values.yaml").write_text(images)
    (chart / "templates" / "pod.yaml").write_text(_PREFIXED)
    with opened(chart) as source:
        declared = declare(source, None, {}, choose())
    return {container.arrived for container in declared.containers}


_PREFIXED = """\
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers:
    - name: web
      image: "{{ if .Values.images.local_registry.active }}localhost:5000/{{ end }}{{ .Values.images.tags.web }}"
"""
_LOCAL = "images: {{tags: {{web: quay.io/example/web:1.0.1}}, local_registry: {{active: {}}}}}\n"


@pytest.mark.parametrize("active", ["true", "false"])
def test_the_local_registry_of_the_layout_may_stand_in_front(tmp_path: Path, active: str) -> None:
    assert _prefixed(tmp_path, _LOCAL.format(active)) == {None}


def test_another_host_in_front_is_seen(tmp_path: Path) -> None:
    images = _LOCAL.format("yes, exclude: []")
    assert _prefixed(tmp_path, images.replace("active: yes", "active: 1")) == {"localhost:5000/<reference>"}


@pytest.mark.parametrize(
    ("kind", "replicas", "idle"),
    [
        ("Deployment", "replicas: 0", True),
        ("StatefulSet", "replicas: 0", True),
        ("Deployment", "replicas: 1", False),
        ("Deployment", "paused: true", False),
        ("Job", "replicas: 0", False),
    ],
)
def test_a_workload_of_no_replicas_is_idle(kind: str, replicas: str, *, idle: bool) -> None:
    template = "{template: {spec: {containers: [{name: api, image: i}]}}"
    text = f"kind: {kind}\nmetadata: {{name: api}}\nspec: {template}, {replicas}}}"
    (container,) = containers_of({"chart/templates/api.yaml": text})
    assert container.idle is idle
