"""Conventions: how a chart lays out its values, and how values are written into it."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

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


@pytest.mark.parametrize(
    ("images", "name"),
    [({"tags": {"api": "quay.io/example/api:1"}}, "osh"), ({"api": "quay.io/example/api:1"}, "reference")],
)
def test_a_layout_that_two_conventions_have_is_recognised_as_the_well_known_one(
    images: dict[str, object], name: str
) -> None:
    assert conventions.recognise({"images": {**images, "pull_policy": "Always"}}) is conventions.named(name)


def test_the_conventions_of_this_projects_charts_differ_in_where_images_and_databases_are() -> None:
    flat, tags = conventions.named("reference"), conventions.named("reference-tags")
    assert (flat.images, tags.images) == ("images", "images.tags")
    assert cell_values.second_values(tags, "compute")["database"] == {
        "name": "compute_second",
        "additional_names": ["compute_second_api", "compute_second_cell0"],
        "username": "compute_second",
    }
    own = {"name", "summary", "images", "not_keys", "names", "infrastructure"}
    assert all(
        getattr(flat, field.name) == getattr(tags, field.name) for field in fields(flat) if field.name not in own
    )
    assert flat.infrastructure.items() <= tags.infrastructure.items()


def test_a_chart_that_is_needed_enters_values_by_its_namespace() -> None:
    values = cell_values.live_values(
        conventions.named("reference-tags"), "compute", {"placement": {"namespace": "shared-1"}}
    )
    assert values["placement"] == {"url": "http://placement-api.shared-1.svc:8778"}


_SERVER: dict[str, str | int] = {"host": "db", "port": 3306, "username": "root", "password": "word"}


def _endpoints(chart: str, own: dict[str, object]) -> dict[str, Any]:
    values = cell_values.live_values(conventions.named("osh"), chart, {"mariadb": _SERVER}, {"endpoints": own})
    found: dict[str, Any] = values["endpoints"]
    return found


@pytest.mark.parametrize(
    ("name", "scheme"),
    [
        ("oslo_db_cell0", "mysql+pymysql"),
        ("oslo_db_api", "mysql"),
        ("oslo_db_persistence", "mysql+mysqlconnector"),
        ("statistics", "mariadb+mariadbconnector"),
        ("oslo_db_cell1", {"default": "mysql+pymysql", "nova": "mysql+pymysql"}),
    ],
)
def test_each_entry_that_speaks_to_the_server_gets_its_coordinates(name: str, scheme: object) -> None:
    entry = {"scheme": scheme, "hosts": {"default": "elsewhere"}, "path": "/x"}
    assert _endpoints("nova", {name: entry})[name] == {
        "auth": {"admin": {"username": "root", "password": "word"}},
        "hosts": {"default": "db"},
        "port": {"mysql": {"default": 3306}},
    }


@pytest.mark.parametrize(
    "entry",
    [
        {"scheme": "postgresql"},
        {"scheme": "postgresql+psycopg2"},
        {"scheme": {"default": "http"}, "hosts": {"default": "mysql-exporter"}},
        {"scheme": None},
        {"hosts": {"default": "mariadb"}},
        "mysql",
        None,
    ],
)
def test_an_entry_of_another_server_is_left_alone(entry: object) -> None:
    assert "oslo_db_other" not in _endpoints("gnocchi", {"oslo_db_other": entry})


def test_the_one_entry_of_a_database_needs_no_scheme() -> None:
    assert _endpoints("keystone", {})["oslo_db"]["hosts"] == {"default": "db"}


def test_a_second_release_shares_no_database_and_no_account_with_the_first() -> None:
    entry = {"scheme": "mysql+pymysql"}
    own = {"endpoints": {"oslo_db": entry, "oslo_db_cell0": entry, "oslo_db_postgresql": {"scheme": "postgresql"}}}
    values = cell_values.second_values(conventions.named("osh"), "nova", own)
    account = {"nova": {"username": "nova_second"}}
    assert values["endpoints"] == {
        "oslo_db": {"path": "/nova_second", "auth": account},
        "oslo_db_cell0": {"path": "/nova_second_oslo_db_cell0", "auth": account},
    }


def test_what_a_template_says_of_a_key_goes_before_what_it_says_of_a_pattern() -> None:
    entry = {"scheme": "mysql"}
    template = {"a": {"path": "own"}, "*": {"path": "{entry}", "host": "x"}, "plain": 1}
    assert conventions.expanded(template, {"a": entry, "b": entry}, ["mysql"]) == {
        "a": {"path": "own", "host": "x"},
        "b": {"path": "b", "host": "x"},
        "plain": 1,
    }
