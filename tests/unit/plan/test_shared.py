"""The charts that others need: found in the catalog, in order, and part of the images and of the plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from osh_conformance.charts import source
from osh_conformance.config.engine_options import LiveOptions
from osh_conformance.errors import UsageError
from osh_conformance.plan import estimate
from osh_conformance.plan.plan import LiveSuite
from osh_conformance.plan.shared import reachable, unreachable
from osh_conformance.report import plan as plan_text
from tests.unit.privileged_charts import PRIVILEGED_POD, chart

if TYPE_CHECKING:
    from pathlib import Path

IMAGE = "osh-conformance.invalid/keystone-distribution:22.0.2"


def catalog(folder: Path, **entries: dict[str, Any]) -> None:
    """Write the catalog of a folder whose charts are copies of keystone under other names."""
    listed = [
        {"path": name, "convention": "reference", "flavor": "shipped", **entry} for name, entry in entries.items()
    ]
    (folder / "catalog.yaml").write_text(yaml.safe_dump({"osh_conformance_catalog": 1, "charts": listed}))


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    """A chart `client` that needs `front`, which needs `keystone`; only `client` has a message queue."""
    for name in ("keystone", "front", "client"):
        chart(tmp_path, name)
    return tmp_path


def suite(path: Path, *scenarios: str, **options: Any) -> LiveSuite:
    return LiveSuite(LiveOptions(paths=(path,), scenarios=scenarios, **options))


def test_a_chart_brings_what_it_needs_in_dependency_order(stack: Path) -> None:
    catalog(stack, keystone={}, front={"needs": ["keystone"]}, client={"needs": ["keystone", "front"]})
    # The convention has no values for `front`.
    convention = _convention(stack, "front")
    found = suite(stack / "client", "drop-enabled", convention=convention)
    (cell_run,) = found.cell_runs
    assert [each.target.name for each in cell_run.needs] == ["keystone", "front"]
    assert [each.target.name for each in found.shared] == ["keystone", "front"]
    assert [each.target.name for each in found.shared[1].needs] == ["keystone"]
    assert all(not each.rules for each in found.shared)


def _convention(folder: Path, name: str) -> str:
    """A copy of the convention `reference` that has values for the address of one more chart."""
    from osh_conformance.loading.search import data_folder  # noqa: PLC0415

    content = yaml.safe_load((data_folder("conventions") / "reference.yaml").read_text())
    content["infrastructure"][name] = {name: {"host": "{host}"}}
    file = folder / "wider.yaml"
    file.write_text(yaml.safe_dump({**content, "name": "wider"}))
    return str(file)


def test_a_chart_that_is_under_test_too_is_installed_beside_its_own_cells(stack: Path) -> None:
    catalog(stack, keystone={}, front={"needs": ["keystone"]}, client={"needs": ["keystone"]})
    found = suite(stack, "drop-enabled")
    assert sorted(each.target.name for each in found.cell_runs) == ["client", "front", "keystone"]
    (shared,) = found.shared
    assert all(each.needs == (shared,) for each in found.cell_runs if each.target.name != "keystone")


@pytest.mark.parametrize(("scenario", "needed"), [("drop-disabled", 1), ("pull-secret", 1), ("neighbours", 0)])
def test_only_scenarios_of_the_whole_service_have_what_it_needs(stack: Path, scenario: str, needed: int) -> None:
    catalog(stack, keystone={}, client={"needs": ["keystone"]})
    found = suite(stack / "client", scenario)
    assert (len(found.cell_runs[0].needs), len(found.shared)) == (needed, needed)


def test_a_shared_chart_has_the_flavor_of_the_catalog_and_the_nodes_runtime(stack: Path) -> None:
    catalog(stack, keystone={"flavor": "distribution"}, client={"needs": ["keystone"]})
    found = suite(stack / "client", "drop-enabled", runtimes=("crun",), helm_majors=(3,), flavors=("shipped",))
    (shared,) = found.shared
    assert (shared.cell.flavor, shared.cell.runtime, shared.cell.helm_major) == ("distribution", "default", 3)
    assert suite(stack / "client", "drop-enabled", helm_majors=(3, 4)).shared[0].cell.helm_major == 4


def test_the_images_of_a_shared_chart_are_those_of_its_cells_too(stack: Path) -> None:
    catalog(stack, keystone={"flavor": "minimal"}, client={"needs": ["keystone"]})
    found = suite(stack / "client", "drop-enabled", "neighbours")
    whole, small = sorted(found.cell_runs, key=lambda each: not each.needs)
    assert found.images(found.shared[0]) - found.images(small)
    assert found.images(whole) == found.images(small) | found.images(found.shared[0])


def test_the_privileged_access_of_a_shared_chart_needs_the_users_consent(tmp_path: Path) -> None:
    chart(tmp_path, "keystone", templates__agent=PRIVILEGED_POD)
    chart(tmp_path, "client")
    catalog(tmp_path, keystone={}, client={"needs": ["keystone"]})
    with pytest.raises(UsageError, match=r"(?s)nothing was installed.*keystone\n.*Pod/agent agent: privileged"):
        suite(tmp_path / "client", "drop-enabled")
    suite(tmp_path / "client", "neighbours")


def test_the_users_values_for_a_chart_under_test_hide_no_privileges_of_a_shared_one(tmp_path: Path) -> None:
    switched = f"{{{{ if .Values.agent }}}}\n{yaml.safe_dump(PRIVILEGED_POD)}{{{{ end }}}}\n"
    chart(tmp_path, "keystone", templates__agent=switched)
    chart(tmp_path, "client")
    catalog(tmp_path, keystone={"values": {"agent": True}}, client={"needs": ["keystone"]})
    with pytest.raises(UsageError, match=r"(?s)nothing was installed.*Pod/agent agent: privileged"):
        suite(tmp_path, "drop-enabled", values={"agent": False})


def test_a_packaged_chart_is_needed_by_its_name(stack: Path) -> None:
    (stack / "keystone-9.9.9.tgz").write_bytes(source.Reader().read(stack / "keystone").packed())
    catalog(stack, **{"keystone-9.9.9.tgz": {}, "client": {"needs": ["keystone"]}})
    assert [each.target.name for each in suite(stack / "client", "drop-enabled").shared] == ["keystone"]


def test_the_values_of_the_user_are_for_charts_under_test(stack: Path) -> None:
    catalog(stack, keystone={"values": {"service": {"replicas": 2}}}, client={"needs": ["keystone"]})
    found = suite(stack, "drop-enabled", values={"service": {"replicas": 3}})
    assert found.shared[0].target.values == {"service": {"replicas": 2}}
    assert all(each.target.values["service"] == {"replicas": 3} for each in found.cell_runs)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"client": {"needs": ["keyston"]}, "keystone": {}}, "keyston.*`keystone`"),
        ({"client": {"needs": ["keystone"]}, "keystone": {"needs": ["client"]}}, "cycle"),
        ({"client": {"needs": ["front"]}, "front": {}}, "no values for the address of `front`"),
        ({"client": {"needs": ["front"]}, "front": {"convention": "odd.yaml"}}, "identity"),
    ],
)
def test_a_need_that_cannot_be_met_is_a_usage_error(
    stack: Path, entries: dict[str, dict[str, Any]], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(stack)
    odd = {"name": "odd", "images": "images", "pull_policy": "images.pull_policy", "db_drop": "manifests.job_db_drop"}
    (stack / "odd.yaml").write_text(yaml.safe_dump(odd))
    catalog(stack, **entries)
    with pytest.raises(UsageError, match=f"(?s){message}"):
        suite(stack / "client", "drop-enabled")


def test_coordinates_are_those_of_the_conventions_identity_and_carry_the_word_of_the_cell(stack: Path) -> None:
    catalog(stack, keystone={}, client={"needs": ["keystone"]})
    (shared,) = suite(stack / "client", "drop-enabled").shared
    assert reachable(shared, "shared-1", "cell-ab12cd", "root", "p") == {
        "host": "keystone-api.shared-1.svc",
        "port": 5000,
        "namespace": "shared-1",
        "username": "root",
        "password": "p",
        "unique": "cell-ab12cd",
    }
    assert set(unreachable(suite(stack / "client", "drop-enabled").cell_runs[0])) == {"keystone"}


def test_a_plan_says_what_is_shared_and_which_servers_cells_have(stack: Path) -> None:
    catalog(stack, keystone={}, client={"needs": ["keystone"], "infrastructure": ["mariadb", "rabbitmq"]})
    found = suite(stack / "client", "drop-enabled")
    text = plan_text.text(
        estimate.RunPlan(
            cells=(),
            left_out=(),
            needed=(),
            parallel=1,
            shared=tuple(estimate.shared_charts(found, {found.shared[0].id: [40.0]})),
            servers=estimate.servers(found),
        )
    )
    lines = [" ".join(line.split()) for line in text.splitlines()]
    after = lines.index("shared by the cells, installed once:") + 1
    assert lines[after] == "keystone (shipped) with mariadb 40 s for client"
    assert "client mariadb, rabbitmq" in lines


def test_the_time_of_shared_charts_counts(stack: Path) -> None:
    catalog(stack, keystone={}, client={"needs": ["keystone"]})
    found = suite(stack / "client", "drop-enabled")
    (shared,) = estimate.shared_charts(found, {})
    assert not shared.measured
    without = estimate.RunPlan(cells=(), left_out=(), needed=(), parallel=1)
    assert estimate.RunPlan(cells=(), left_out=(), needed=(), parallel=1, shared=(shared,)).seconds == (
        without.seconds + shared.seconds
    )
