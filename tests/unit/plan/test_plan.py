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
    assert [cell_run.target.name for cell_run in found.cell_runs] == ["keystone", "several-databases"]


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
