"""The plan of a run: which chart runs in which cell and scenario, with which values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from osh_conformance.config.options import LiveOptions
from osh_conformance.errors import UsageError
from osh_conformance.live.prepare import Maker
from osh_conformance.loading import definitions
from osh_conformance.model.chart import STANDARD_KEYS
from osh_conformance.model.matrix import Flavor
from osh_conformance.plan.plan import LiveSuite
from tests.paths import CHARTS, KEYSTONE

if TYPE_CHECKING:
    from osh_conformance.live.prepare import Release
    from osh_conformance.plan.axes import AxisValues


def suite(**options: object) -> LiveSuite:
    return LiveSuite(LiveOptions(paths=(KEYSTONE,), **options))  # type: ignore[arg-type]


def test_the_default_plan_has_the_flavor_of_the_catalog_and_helm_4() -> None:
    assert [pair.id for pair in suite().pairs] == [
        "keystone-distribution-docker-default-helm4-drop-disabled",
        "keystone-distribution-docker-default-helm4-drop-enabled",
        "keystone-distribution-docker-default-helm4-pull-policy",
    ]


def test_a_tree_has_all_its_charts_except_libraries() -> None:
    found = LiveSuite(LiveOptions(paths=(CHARTS,), scenarios=("drop-enabled",)))
    assert [pair.subject.name for pair in found.pairs] == ["keystone", "several-databases"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"flavors": ("distributon",)}, "`distribution`"),
        ({"scenarios": ("drop-enable",)}, "`drop-enabled`"),
        ({"majors": (2,)}, "Helm.* 2"),
        ({"convention": "referense"}, "`reference`"),
    ],
)
def test_an_unknown_name_is_a_usage_error_with_a_suggestion(options: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        suite(**options)


def test_the_command_of_a_cell_repeats_the_options() -> None:
    found = suite(options=("--values", "my values.yaml"))
    expected = f"osh-conformance live {KEYSTONE} --flavor distribution --helm 4 --scenario drop-disabled"
    assert found.command(found.pairs[0]) == f"{expected} --values 'my values.yaml'"


@pytest.fixture(scope="module")
def releases() -> dict[str, Release]:
    found = suite(scenarios=("drop-enabled", "drop-disabled"))
    maker = Maker(
        renderer=found.renderer,
        image_of=lambda reference, _function, _chosen: reference,
        faulty=lambda reference: reference,
    )
    return {
        pair.scenario.name: maker.release(pair.subject, pair.cell, pair.scenario, pair.chosen, "cell")
        for pair in found.pairs
    }


def test_the_switch_decides_whether_a_drop_container_is_declared(releases: dict[str, Release]) -> None:
    assert releases["drop-enabled"].declared.containers_of("db_drop")
    assert not releases["drop-disabled"].declared.containers_of("db_drop")


def test_every_container_is_reached_by_a_key_of_the_flavor(releases: dict[str, Release]) -> None:
    declared = releases["drop-enabled"].declared
    assert all(c.key and c.image == declared.images[c.key] for c in declared.containers)


def test_a_cell_plan_names_the_release_of_its_service(releases: dict[str, Release]) -> None:
    assert releases["drop-enabled"].release_of_service == definitions.flavors()["distribution"].release


def test_each_image_of_a_flavor_is_supplied_for_the_function_of_its_key() -> None:
    found = suite(scenarios=("drop-enabled",))
    functions = []

    def image_of(reference: str, function: str, _chosen: AxisValues) -> str:
        functions.append(function)
        return f"{reference}-mine"

    (pair,) = found.pairs
    maker = Maker(renderer=found.renderer, image_of=image_of, faulty=lambda reference: reference)
    release = maker.release(pair.subject, pair.cell, pair.scenario, pair.chosen, "cell")
    assert set(STANDARD_KEYS) <= set(functions)
    assert all(str(c.image).endswith("-mine") for c in release.declared.containers)


def test_the_references_of_a_release_include_its_infrastructure(releases: dict[str, Release]) -> None:
    assert any("mariadb" in reference for reference in releases["drop-enabled"].references)


def test_a_password_of_hard_characters_reaches_chart_and_server(releases: dict[str, Release]) -> None:
    release = releases["drop-enabled"]
    password = release.values["database"]["admin"]["password"]
    assert password == release.database.values["root"]["password"]
    assert {"@", "/", "%", ":", "'", '"', "\\", "$", " ", "`"} <= set(password)
    assert password in release.secrets


def test_a_flavor_without_an_image_for_a_key_is_an_error_that_names_the_key() -> None:
    flavor = Flavor(name="mine", summary="", images={"db_init": "docker.io/x/y:1"})
    with pytest.raises(UsageError, match=r"mine .*db_sync .*keystone"):
        flavor.references("keystone", {"db_init": "db_init", "db_sync": "db_sync"})
