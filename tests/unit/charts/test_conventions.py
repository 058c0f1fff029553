"""Conventions: how a chart lays out its values, and how values are written into it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from osh_conformance.charts import conventions
from osh_conformance.errors import UsageError
from osh_conformance.model.chart import Values
from osh_conformance.plan import cell_values

if TYPE_CHECKING:
    from pathlib import Path


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


def test_a_component_unknown_to_the_convention_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="`rabbitmq`"):
        cell_values.live_values(conventions.named("osh"), "keystone", {"rabbitmq": {}})


def test_a_misspelt_field_of_a_convention_is_a_usage_error_with_a_suggestion(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("name: mine\nimages: images\npull_polcy: x\n")
    with pytest.raises(UsageError, match="`pull_policy`"):
        conventions.named(str(file))


def test_a_pull_secret_enters_values_at_the_place_of_the_convention() -> None:
    reference, osh = conventions.named("reference"), conventions.named("osh")
    assert conventions.pull_secret_values(reference, "api", "login") == {
        "pod": {"image_pull_secrets": [{"name": "login"}]}
    }
    values = conventions.pull_secret_values(osh, "my-service", "login")
    assert values["secrets"]["oci_image_registry"] == {"my-service": "login"}
    assert conventions.pull_secret_path(reference, "api") == "pod.image_pull_secrets"
    assert conventions.pull_secret_path(osh, "my-service") == "secrets.oci_image_registry.my-service"


def test_a_convention_without_a_place_for_a_pull_secret_has_no_values_for_it() -> None:
    convention = replace(conventions.named("reference"), pull_secret={})
    assert conventions.pull_secret_values(convention, "api", "login") == {}
    assert conventions.pull_secret_path(convention, "api") == ""


@pytest.mark.parametrize("setting", ["pull_secrets", "pullSecrets"])
def test_a_list_among_the_images_does_not_hide_the_layout(setting: str) -> None:
    values = {"images": {"api": "quay.io/example/api:1", setting: []}}
    assert conventions.recognise(values) is conventions.named("reference")


def test_lists_alone_are_no_images() -> None:
    assert conventions.recognise({"images": {"api": ["quay.io/example/api:1"]}}) is None


def test_the_name_of_a_pull_secret_is_no_image_key() -> None:
    values = Values(content={"images": {"api": "quay.io/example/api:1", "pull_secrets": "login"}}, lines={})
    found = conventions.declared_images(conventions.named("reference"), values, values.content)
    assert [image.key for image in found] == ["api"]
