"""The plan of a run: which chart runs in which cell and scenario, and which rules check it."""

from __future__ import annotations

import pytest

from osh_conformance.config.engine_options import LiveOptions
from osh_conformance.errors import UsageError
from osh_conformance.model.matrix import Flavor
from osh_conformance.plan.plan import LiveSuite
from tests.paths import CHARTS, KEYSTONE


def suite(**options: object) -> LiveSuite:
    return LiveSuite(LiveOptions(paths=(KEYSTONE,), **options))  # type: ignore[arg-type]


def test_the_default_plan_has_the_flavor_of_the_catalog_and_helm_4() -> None:
    assert [cell_run.id for cell_run in suite().cell_runs] == [
        "keystone-distribution-docker-default-helm4-drop-disabled",
        "keystone-distribution-docker-default-helm4-drop-enabled",
        "keystone-distribution-docker-default-helm4-pull-policy",
    ]


def test_a_tree_has_all_its_charts_except_libraries() -> None:
    found = LiveSuite(LiveOptions(paths=(CHARTS,), scenarios=("drop-enabled",)))
    charts = {file.parent.name for file in CHARTS.glob("*/Chart.yaml")}
    assert {cell_run.target.name for cell_run in found.cell_runs} == charts - {"library"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"flavors": ("distributon",)}, "`distribution`"),
        ({"scenarios": ("drop-enable",)}, "`drop-enabled`"),
        ({"helm_majors": (2,)}, "Helm.* 2"),
        ({"convention": "referense"}, "`reference`"),
    ],
)
def test_an_unknown_name_is_a_usage_error_with_a_suggestion(options: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        suite(**options)


def test_the_command_of_a_cell_repeats_the_options() -> None:
    found = suite(repeated=("--values", "my values.yaml"))
    expected = f"osh-conformance live {KEYSTONE} --flavor distribution --helm 4 --scenario drop-disabled"
    assert found.command(found.cell_runs[0]) == f"{expected} --values 'my values.yaml'"


def test_a_selection_leaves_out_scenarios_without_a_rule() -> None:
    found = suite(select=("PP",), scenarios=("main",))
    assert {cell_run.scenario.name: cell_run.rules for cell_run in found.cell_runs} == {
        "drop-disabled": ("PP-1",),
        "drop-enabled": ("PP-1",),
        "pull-policy": ("PP-3",),
    }
    ignored = suite(ignore=("PP-3",), scenarios=("pull-policy", "drop-enabled"))
    assert [cell_run.scenario.name for cell_run in ignored.cell_runs] == ["drop-enabled"]


def test_a_plan_reads_a_chart_once(chart_reads: list[str]) -> None:
    suite(flavors=("all",), scenarios=("all",))
    assert chart_reads == ["keystone"]


def test_a_flavor_without_an_image_for_a_key_is_an_error_that_names_the_key() -> None:
    flavor = Flavor(name="mine", summary="", images={"db_init": "docker.io/x/y:1"})
    with pytest.raises(UsageError, match=r"mine .*db_sync .*keystone"):
        flavor.references("keystone", {"db_init": "db_init", "db_sync": "db_sync"})


def test_the_rest_of_a_flavor_goes_to_each_key_that_no_other_entry_serves() -> None:
    flavor = Flavor(name="mine", summary="", images={"db_init": "docker.io/x/y:1"}, rest="docker.io/x/nothing:1")
    keys = {"x_db_init": "db_init", "db_sync": "db_sync", "x_api": ""}
    assert flavor.references("x", keys) == {
        "x_db_init": "docker.io/x/y:1",
        "db_sync": "docker.io/x/nothing:1",
        "x_api": "docker.io/x/nothing:1",
    }
    assert not Flavor(name="rest", summary="", rest="docker.io/x/nothing:1").shipped


def test_a_job_of_the_database_gets_the_image_of_such_jobs_and_never_the_rest() -> None:
    images = {"db_init": "docker.io/x/y:1", "dep_check": "docker.io/x/wait:1"}
    flavor = Flavor(name="mine", summary="", images=images, rest="docker.io/x/nothing:1")
    keys = {"dep_check": "dep_check", "x_manage": "", "x_api": ""}
    assert flavor.references("x", keys, jobs={"dep_check", "x_manage"}) == {
        "dep_check": "docker.io/x/wait:1",
        "x_manage": "docker.io/x/y:1",
        "x_api": "docker.io/x/nothing:1",
    }


@pytest.mark.parametrize(
    ("images", "key"),
    [({"dep_check": "docker.io/x/wait:1"}, "x_manage"), ({"db_init": "docker.io/x/y:1"}, "dep_check")],
)
def test_a_job_of_the_database_for_which_a_flavor_has_only_the_rest_is_an_error(
    images: dict[str, str], key: str
) -> None:
    flavor = Flavor(name="mine", summary="", images=images, rest="docker.io/x/nothing:1")
    with pytest.raises(UsageError, match=f"no image for {key} of"):
        flavor.references("x", {key: key if key == "dep_check" else "", "x_api": ""}, jobs={key})


def test_an_image_is_no_stub_if_the_flavor_gives_it_to_a_task_too() -> None:
    images = {"db_init": "docker.io/x/y:1"}
    assert Flavor(name="mine", summary="", images=images, rest="docker.io/x/n:1").is_stub("docker.io/x/n:1")
    assert not Flavor(name="mine", summary="", images=images, rest="docker.io/x/y:1").is_stub("docker.io/x/y:1")
    assert not Flavor(name="mine", summary="", images=images).is_stub("docker.io/x/y:1")


def test_a_flavor_is_asked_only_for_keys_that_a_container_uses() -> None:
    flavor = Flavor(name="mine", summary="", images={"db_init": "docker.io/x/y:1"})
    keys = {"db_init": "db_init", "db_sync": "db_sync"}
    assert flavor.references("x", keys, lambda: {"db_init"}) == {"db_init": "docker.io/x/y:1"}
    with pytest.raises(UsageError, match="db_sync"):
        flavor.references("x", keys, lambda: {"db_sync"})
