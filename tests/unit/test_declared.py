"""What a chart promises: policy, images by key, and the key of each container."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from osh_conformance.charts import conventions
from osh_conformance.charts.source import opened
from osh_conformance.errors import UsageError
from osh_conformance.plan import cell_values
from osh_conformance.render.declared import declare
from osh_conformance.render.engines.base import choose

if TYPE_CHECKING:
    from collections.abc import Mapping

    from osh_conformance.model.chart import DeclaredChart

_MUTANTS = Path(__file__).parents[1] / "mutants" / "static"
_DROP = {"manifests": {"job_db_drop": True}}


def declared_by(chart: str, values: Mapping[str, Any]) -> DeclaredChart:
    with opened(_MUTANTS / chart) as source:
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


def test_overrides_decide_what_is_declared() -> None:
    values = {"images": {"api": "quay.io/other/api:2", "pull_policy": "Never"}}
    declared = declared_by("clean-flat", values)
    assert declared.policy == "Never"
    assert declared.images["api"] == "quay.io/other/api:2"
    assert {container.pull_policy for container in declared.containers} == {"Never"}
    standard = ("dep_check", "db_init", "db_sync", "db_drop")
    assert declared.functions == {"api": "", **{key: key for key in standard}}


def test_a_hook_says_when_it_runs() -> None:
    declared = declared_by("clean-flat", _DROP)
    assert {container.hook for container in declared.containers if container.name == "db-drop"} == {("pre-delete",)}


def test_an_alias_performs_the_function_of_its_standard_key() -> None:
    osh = conventions.named("osh")
    assert conventions.functions(osh, "my-service", ("my_service_db_sync", "my_service_api")) == {
        "my_service_db_sync": "db_sync",
        "my_service_api": "",
    }


def test_coordinates_enter_values_with_their_types() -> None:
    values = cell_values.live_values(
        conventions.named("osh"),
        "keystone",
        {"mariadb": {"host": "db", "port": 3306, "username": "root", "password": "{host}"}},
    )
    database = values["endpoints"]["oslo_db"]
    assert database["port"]["mysql"]["default"] == 3306
    assert database["auth"]["admin"] == {"username": "root", "password": "{host}"}
    assert values["conf"]["keystone"]["cache"]["enabled"] is False


def test_a_component_that_the_convention_does_not_know_is_refused() -> None:
    with pytest.raises(UsageError, match="`rabbitmq`"):
        cell_values.live_values(conventions.named("osh"), "keystone", {"rabbitmq": {}})


def test_a_mistyped_field_of_a_convention_is_named(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("name: mine\nimages: images\npull_polcy: x\n")
    with pytest.raises(UsageError, match="did you mean `pull_policy`"):
        conventions.named(str(file))
