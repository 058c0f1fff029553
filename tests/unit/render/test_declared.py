"""What a chart declares: its pull policy, its images by key, and the key of each container."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from osh_conformance.charts.source import opened
from osh_conformance.render.declared import declare
from osh_conformance.render.engines.choice import choose
from tests.case_charts import case

if TYPE_CHECKING:
    from collections.abc import Mapping

    from osh_conformance.model.chart import DeclaredChart

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
