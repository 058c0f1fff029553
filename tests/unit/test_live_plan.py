"""From a command line's wishes to pairs and releases; no cluster."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from osh_conformance.cluster.kubeconfig import single_context
from osh_conformance.config.options import LiveOptions
from osh_conformance.errors import UsageError
from osh_conformance.live.prepare import Maker
from osh_conformance.loading import records
from osh_conformance.model.chart import STANDARD_KEYS
from osh_conformance.model.event import ResultFound
from osh_conformance.model.finding import Status, Verdict
from osh_conformance.model.matrix import Flavor
from osh_conformance.model.result import CellReport
from osh_conformance.plan.plan import LiveSuite
from osh_conformance.report import tables
from osh_conformance.report.result import RunReport

if TYPE_CHECKING:
    from osh_conformance.live.prepare import Release
    from osh_conformance.plan.axes import AxisValues

CHARTS = Path(__file__).parents[2] / "charts-under-test"
KEYSTONE = CHARTS / "keystone"


def suite(**wishes: object) -> LiveSuite:
    return LiveSuite(LiveOptions(paths=(KEYSTONE,), **wishes))  # type: ignore[arg-type]


def test_the_catalogue_names_the_flavor_and_every_scenario_runs_on_helm_4() -> None:
    assert [pair.id for pair in suite().pairs] == [
        "keystone-distribution-docker-default-helm4-drop-disabled",
        "keystone-distribution-docker-default-helm4-drop-enabled",
        "keystone-distribution-docker-default-helm4-pull-policy",
    ]


def test_a_tree_has_its_charts_without_libraries() -> None:
    found = LiveSuite(LiveOptions(paths=(CHARTS,), scenarios=("drop-enabled",)))
    assert [pair.subject.name for pair in found.pairs] == ["keystone", "several-databases"]


@pytest.mark.parametrize(
    ("wishes", "message"),
    [
        ({"flavors": ("distributon",)}, "did you mean `distribution`"),
        ({"scenarios": ("drop-enable",)}, "did you mean `drop-enabled`"),
        ({"majors": (2,)}, "no Helm major 2"),
        ({"convention": "referense"}, "did you mean `reference`"),
    ],
)
def test_a_wrong_name_is_a_usage_error_that_helps(wishes: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        suite(**wishes)


def test_a_pair_is_run_again_with_the_same_options() -> None:
    found = suite(repeated=("--values", "my values.yaml"))
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


def test_a_release_knows_the_release_of_its_service(releases: dict[str, Release]) -> None:
    assert releases["drop-enabled"].release_of_service == records.flavors()["distribution"].release


def test_each_image_of_a_flavor_is_supplied_for_the_function_of_its_key() -> None:
    found = suite(scenarios=("drop-enabled",))
    asked = []

    def image_of(reference: str, function: str, _chosen: AxisValues) -> str:
        asked.append(function)
        return f"{reference}-mine"

    (pair,) = found.pairs
    maker = Maker(renderer=found.renderer, image_of=image_of, faulty=lambda reference: reference)
    release = maker.release(pair.subject, pair.cell, pair.scenario, pair.chosen, "cell")
    assert set(STANDARD_KEYS) <= set(asked)
    assert all(str(c.image).endswith("-mine") for c in release.declared.containers)


def test_the_references_of_a_release_include_its_infrastructure(releases: dict[str, Release]) -> None:
    assert any("mariadb" in reference for reference in releases["drop-enabled"].references)


def test_a_password_of_hard_characters_reaches_chart_and_server(releases: dict[str, Release]) -> None:
    release = releases["drop-enabled"]
    password = release.values["database"]["admin"]["password"]
    assert password == release.database.values["root"]["password"]
    assert {"@", "/", "%", ":", "'", '"', "\\", "$", " ", "`"} <= set(password)
    assert password in release.secrets


def test_a_flavor_without_an_image_for_a_key_says_which() -> None:
    flavor = Flavor(name="mine", summary="", images={"db_init": "docker.io/x/y:1"})
    with pytest.raises(UsageError, match="flavor mine has no image for db_sync of chart keystone"):
        records.references(flavor, "keystone", {"db_init": "db_init", "db_sync": "db_sync"})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: x\nsummary: y\nimagse: {}\n", "no field `imagse`: did you mean `images`"),
        ("name: x\n", "missing required field `summary`"),
        ("name: x\nsummary: y\nimages: [a]\n", "Expected `object`, got `array`"),
    ],
)
def test_a_flavor_file_that_is_wrong_says_where(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "flavor.yaml"
    file.write_text(text)
    with pytest.raises(UsageError, match=message) as caught:
        records.read(Flavor, file)
    assert str(file) in str(caught.value)


def test_a_copied_kubeconfig_can_mean_one_cluster_only(tmp_path: Path) -> None:
    source = tmp_path / "config"
    source.write_text(
        yaml.safe_dump(
            {
                "contexts": [{"name": "a"}, {"name": "b"}],
                "current-context": "a",
                "clusters": [{"name": "b", "cluster": {"certificate-authority": "ca.crt"}}],
            }
        )
    )
    copied = yaml.safe_load(single_context(source, "b", tmp_path / "copy").read_text())
    assert (copied["current-context"], copied["contexts"]) == ("b", [{"name": "b"}])
    assert copied["clusters"][0]["cluster"]["certificate-authority"] == str(tmp_path / "ca.crt")
    assert (tmp_path / "copy").stat().st_mode & 0o077 == 0


def report(name: str, status: str, reason: str = "") -> CellReport:
    return CellReport(
        id=name,
        chart="keystone",
        flavor="mine",
        origin="built",
        format="docker",
        runtime="containerd/crun",
        helm="4",
        status=status,
        reason=reason,
    )


def test_the_table_has_a_line_for_each_scenario_and_a_column_for_each_rule() -> None:
    run = RunReport()
    for scenario, rule, status in (("off", "PP-1", Status.PASS), ("on", "DROP-4", Status.FAIL)):
        run.handle(ResultFound.of("keystone", Verdict(rule=rule, status=status), cell="k", scenario=scenario))
    run.cells.append(report("k", "fail"))
    assert tables.cells(run).splitlines() == [
        "chart     flavor  images          runtime          helm  scenario  cell  DROP-4  PP-1",
        "keystone  mine    docker (built)  containerd/crun  4     off       pass  -       pass",
        "keystone  mine    docker (built)  containerd/crun  4     on        FAIL  FAIL    -",
    ]


def test_a_cell_that_is_not_in_the_table_has_its_reason_below_it() -> None:
    run = RunReport()
    run.handle(ResultFound.of("keystone", Verdict(rule="PP-1", status=Status.ERROR, reason="no network"), cell="e", scenario="on"))
    run.cells += [report("e", "error", "no network"), report("s", "skipped", "needs CRI-O")]
    head, row, *below = tables.cells(run).splitlines()
    assert (head.split()[-1], row.split()[-1]) == ("PP-1", "ERROR")
    assert [line.split(maxsplit=2) for line in below if line] == [
        ["ERROR", "e", "no network"],
        ["skipped", "s", "needs CRI-O"],
    ]


def test_no_cells_no_table() -> None:
    assert tables.cells(RunReport()) == ""
