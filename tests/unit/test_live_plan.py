"""From the options of a run to its cell runs, and from a cell run to its plan; no cluster."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from osh_conformance.charts import source
from osh_conformance.charts.opened import OpenedCharts
from osh_conformance.cluster.kubeconfig import single_context
from osh_conformance.config.options import LiveOptions
from osh_conformance.errors import UsageError
from osh_conformance.live.prepare import Preparation
from osh_conformance.live.run_charts import RunCharts
from osh_conformance.loading import records
from osh_conformance.model.chart import STANDARD_KEYS
from osh_conformance.model.event import ResultFound
from osh_conformance.model.finding import Status, Verdict
from osh_conformance.model.matrix import Flavor
from osh_conformance.model.result import CellReport
from osh_conformance.plan import needs
from osh_conformance.plan.plan import LiveSuite
from osh_conformance.report import tables
from osh_conformance.report.result import RunReport

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from osh_conformance.plan.cells import CellRun
    from osh_conformance.scenario.state import CellPlan

CHARTS = Path(__file__).parents[2] / "charts-under-test"
KEYSTONE = CHARTS / "keystone"


def suite(**options: object) -> LiveSuite:
    return LiveSuite(LiveOptions(paths=(KEYSTONE,), **options))  # type: ignore[arg-type]


def test_the_catalogue_names_the_flavor_and_every_scenario_runs_on_helm_4() -> None:
    assert [cell_run.id for cell_run in suite().cell_runs] == [
        "keystone-distribution-docker-default-helm4-drop-disabled",
        "keystone-distribution-docker-default-helm4-drop-enabled",
        "keystone-distribution-docker-default-helm4-pull-policy",
    ]


def test_a_tree_has_its_charts_without_libraries() -> None:
    found = LiveSuite(LiveOptions(paths=(CHARTS,), scenarios=("drop-enabled",)))
    assert [cell_run.target.name for cell_run in found.cell_runs] == ["keystone", "several-databases"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"flavors": ("distributon",)}, "did you mean `distribution`"),
        ({"scenarios": ("drop-enable",)}, "did you mean `drop-enabled`"),
        ({"helm_majors": (2,)}, "no Helm major 2"),
        ({"convention": "referense"}, "did you mean `reference`"),
    ],
)
def test_a_wrong_name_is_a_usage_error_that_helps(options: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        suite(**options)


def test_a_pair_is_run_again_with_the_same_options() -> None:
    found = suite(repeated=("--values", "my values.yaml"))
    expected = f"osh-conformance live {KEYSTONE} --flavor distribution --helm 4 --scenario drop-disabled"
    assert found.command(found.cell_runs[0]) == f"{expected} --values 'my values.yaml'"


class Images:
    """Publishes nothing: each image keeps its reference, with `suffix` behind a flavor's."""

    def __init__(self, suffix: str = "") -> None:
        self._suffix = suffix
        self.functions: list[str] = []
        self.published: tuple[str, ...] = ()

    def publish_for_key(self, reference: str, function: str) -> str:
        self.functions.append(function)
        return f"{reference}{self._suffix}"

    def publish_faulty(self, reference: str) -> str:
        return reference

    def publish_declared(self, references: Iterable[str], infrastructure: str) -> tuple[object, ...]:
        self.published = (*references, infrastructure)
        return ()


@pytest.fixture(scope="module")
def charts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunCharts]:
    folder = tmp_path_factory.mktemp("charts")
    with OpenedCharts(folder) as opened:
        yield RunCharts(folder, opened)


def prepare(found: LiveSuite, cell_run: CellRun, charts: RunCharts, images: Images) -> CellPlan:
    preparation = Preparation(
        renderer=found.renderer, charts=charts, node_runtime="containerd://2.2.0", ready_timeout=60.0
    )
    return preparation.prepare(cell_run, "cell", images)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def plans(charts: RunCharts) -> dict[str, CellPlan]:
    found = suite(scenarios=("drop-enabled", "drop-disabled"))
    return {each.scenario.name: prepare(found, each, charts, Images()) for each in found.cell_runs}


def test_the_switch_decides_whether_a_drop_container_is_declared(plans: dict[str, CellPlan]) -> None:
    assert plans["drop-enabled"].declared.containers_of("db_drop")
    assert not plans["drop-disabled"].declared.containers_of("db_drop")


def test_every_container_is_reached_by_a_key_of_the_flavor(plans: dict[str, CellPlan]) -> None:
    declared = plans["drop-enabled"].declared
    assert all(c.key and c.image == declared.images[c.key] for c in declared.containers)


def test_a_plan_names_the_release_of_its_service(plans: dict[str, CellPlan]) -> None:
    assert plans["drop-enabled"].release_of_service == records.flavors()["distribution"].release


def test_each_image_of_a_flavor_is_published_for_the_function_of_its_key(charts: RunCharts) -> None:
    found, images = suite(scenarios=("drop-enabled",)), Images("-mine")
    plan = prepare(found, found.cell_runs[0], charts, images)
    assert set(STANDARD_KEYS) <= set(images.functions)
    assert all(str(c.image).endswith("-mine") for c in plan.declared.containers)
    assert {reference for reference in images.published if "mariadb" not in reference} == {
        c.image for c in plan.declared.containers
    }


def test_the_images_of_a_plan_include_its_infrastructure(charts: RunCharts) -> None:
    found, images = suite(scenarios=("drop-enabled",)), Images()
    plan = prepare(found, found.cell_runs[0], charts, images)
    assert images.published[-1] == plan.database.image
    assert "mariadb" in plan.database.image


def test_a_password_of_hard_characters_reaches_chart_and_server(plans: dict[str, CellPlan]) -> None:
    plan = plans["drop-enabled"]
    password = plan.values["database"]["admin"]["password"]
    assert password == plan.database.values["root"]["password"]
    assert {"@", "/", "%", ":", "'", '"', "\\", "$", " ", "`"} <= set(password)
    assert password in plan.secrets


# -- reading and writing charts --------------------------------------------------------------------------------------


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the charts that were read from disk, one entry a read."""
    read: list[str] = []

    def counting(name: str) -> None:
        function = getattr(source, name)

        def count(path: Path, *arguments: object) -> object:
            read.append(path.name)
            return function(path, *arguments)

        monkeypatch.setattr(source, name, count)

    for name in ("read_folder", "read_archive"):
        counting(name)
    return read


def test_a_plan_reads_a_chart_once(reads: list[str]) -> None:
    suite(flavors=("all",), scenarios=("all",))
    assert reads == ["keystone"]


def test_two_prepared_cell_runs_read_a_packaged_chart_once_and_unpack_it_once(reads: list[str], tmp_path: Path) -> None:
    package = tmp_path / "keystone-1.0.0.tgz"
    package.write_bytes(source.Reader().read(KEYSTONE).packed())
    needs.database_image.cache_clear()
    reads.clear()
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    found = LiveSuite(LiveOptions(paths=(package,), scenarios=("drop-enabled", "drop-disabled")))
    with OpenedCharts(scratch) as opened:
        charts = RunCharts(scratch, opened)
        first, second = (prepare(found, cell_run, charts, Images()) for cell_run in found.cell_runs)
        (unpacked,) = scratch.iterdir()
        assert first.chart == second.chart == unpacked / "chart"
    assert reads == ["keystone-1.0.0.tgz", "mariadb"]
    assert list(scratch.iterdir()) == []


def test_the_previous_version_of_a_chart_is_written_once_under_a_lower_number(tmp_path: Path) -> None:
    found = suite(scenarios=("previous-version",))
    with OpenedCharts(tmp_path) as opened:
        charts = RunCharts(tmp_path, opened)
        plans = [prepare(found, found.cell_runs[0], charts, Images()) for _ in range(2)]
        first, second = (plan.previous for plan in plans)
        assert first is not None
        assert first == second != plans[0].chart
        assert "\nversion: 0.0.0\n" in (first / "Chart.yaml").read_text()
        assert "\nversion: 0.0.0\n" not in (plans[0].chart / "Chart.yaml").read_text()


def test_a_selection_leaves_scenarios_without_a_rule_out() -> None:
    found = suite(select=("PP",), scenarios=("main",))
    assert {cell_run.scenario.name: cell_run.rules for cell_run in found.cell_runs} == {
        "drop-disabled": ("PP-1",),
        "drop-enabled": ("PP-1",),
        "pull-policy": ("PP-3",),
    }
    ignored = suite(ignore=("PP-3",), scenarios=("pull-policy", "drop-enabled"))
    assert [cell_run.scenario.name for cell_run in ignored.cell_runs] == ["drop-enabled"]


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
    run.handle(
        ResultFound.of(
            "keystone", Verdict(rule="PP-1", status=Status.ERROR, reason="no network"), cell="e", scenario="on"
        )
    )
    run.cells += [report("e", "error", "no network"), report("s", "skipped", "needs CRI-O")]
    head, row, *below = tables.cells(run).splitlines()
    assert (head.split()[-1], row.split()[-1]) == ("PP-1", "ERROR")
    assert [line.split(maxsplit=2) for line in below if line] == [
        ["ERROR", "e", "no network"],
        ["skipped", "s", "needs CRI-O"],
    ]


def test_no_cells_no_table() -> None:
    assert tables.cells(RunReport()) == ""
