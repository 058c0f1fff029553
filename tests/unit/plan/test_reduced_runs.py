"""The plan of a reduced run: what it installs of each chart of a tree, and why it leaves others out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from osh_conformance.config.engine_options import LiveOptions
from osh_conformance.errors import UsageError
from osh_conformance.model.matrix import Flavor
from osh_conformance.plan.plan import LiveSuite
from osh_conformance.plan.planned_values import planned_values
from tests.paths import CHARTS
from tests.unit.plan.reducible import chart, deployment, document, guarded

if TYPE_CHECKING:
    from pathlib import Path

_PRIVILEGED: dict[str, Any] = {"securityContext": {"privileged": True}}


def suite(*paths: Path, **options: Any) -> LiveSuite:
    return LiveSuite(LiveOptions(paths=paths, **{"scenarios": ("drop-enabled",), "reduced": True, **options}))


def left_out(found: LiveSuite) -> dict[str, str]:
    return {each.cell.chart: each.reason for each in found.left_out}


def test_each_of_our_own_charts_is_reduced_to_its_two_jobs() -> None:
    found = suite(CHARTS)
    charts = {file.parent.name for file in CHARTS.glob("*/Chart.yaml")} - {"library"}
    assert {cell_run.target.name for cell_run in found.cell_runs} == charts
    for cell_run in found.cell_runs:
        assert cell_run.reduction
        # The name of a Job may end in a hash.
        assert [label.partition("db-")[2][:4] for label in cell_run.reduction.anchors] == ["init", "drop"]
        assert cell_run.reduction.left == ()
        assert cell_run.needs == ()
    assert {*left_out(found).values()} == {"a library chart, which cannot be installed"}


def test_a_reduced_run_takes_the_flavor_client_unless_another_is_named(tmp_path: Path) -> None:
    made = chart(tmp_path)
    (cell_run,) = suite(made).cell_runs
    assert cell_run.cell.flavor == "client"
    (cell_run,) = suite(made, flavors=("minimal",)).cell_runs
    assert cell_run.cell.flavor == "minimal"


def test_a_flavor_of_the_user_replaces_the_flavor_client(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("name: mine\nsummary: mine\nimages: {db_init: docker.io/a/b:1}\nrest: docker.io/a/c:1\n")
    (cell_run,) = suite(chart(tmp_path / "tree"), flavor_files=(mine,)).cell_runs
    assert isinstance(cell_run.axes.flavor, Flavor)
    assert cell_run.cell.flavor == "mine"


def test_reproduce_repeats_the_option(tmp_path: Path) -> None:
    made = chart(tmp_path)
    found = suite(made)
    assert found.command(found.cell_runs[0]) == (
        f"osh-conformance live {made} --flavor client --helm 4 --scenario drop-enabled --reduced"
    )
    whole = suite(made, reduced=False, flavors=("client",))
    assert "--reduced" not in whole.command(whole.cell_runs[0])


def test_the_values_of_a_cell_are_those_of_the_reduction(tmp_path: Path) -> None:
    made = chart(tmp_path)
    (cell_run,) = suite(made, values={"manifests": {"job_db_sync": True}}).cell_runs
    switches = planned_values(cell_run, drop=True)["manifests"]
    assert switches | {"job_db_init": True, "job_db_drop": True, "job_db_sync": True} == switches
    assert switches["deployment_api"] is False
    (whole,) = suite(made, reduced=False, flavors=("client",)).cell_runs
    assert whole.reduction is None
    assert "deployment_api" not in planned_values(whole, drop=True)["manifests"]


def test_consent_is_asked_for_what_is_left(tmp_path: Path) -> None:
    switched = guarded("deployment_api", deployment("api", **_PRIVILEGED))
    made = chart(tmp_path / "a", deployment_api=switched)
    assert suite(made).privileged() == {}
    with pytest.raises(UsageError, match="Deployment/api main: privileged"):
        suite(made, reduced=False, flavors=("client",))
    always = chart(tmp_path / "b", agent=deployment("agent", **_PRIVILEGED))
    with pytest.raises(UsageError, match="Deployment/agent main: privileged"):
        suite(always)


def test_each_chart_that_cannot_be_taken_is_told_and_the_others_go_on(tmp_path: Path) -> None:
    chart(tmp_path, name="good")
    chart(tmp_path, name="broken", other='{{ fail "no good" }}')
    chart(tmp_path, name="empty", job_db_init=None, job_db_drop=None)
    secret = guarded("secret_db", document("Secret", "db", stringData={"password": "postgresql://host/x"}))
    chart(tmp_path, name="elephant", secret_db=secret)
    library = chart(tmp_path, name="library")
    (library / "Chart.yaml").write_text("apiVersion: v2\nname: library\nversion: 1.0.0\ntype: library\n")
    unknown = chart(tmp_path, name="unknown")
    (unknown / "values.yaml").write_text(yaml.safe_dump({"colour": "red"}))
    found = suite(tmp_path)
    assert [cell_run.target.name for cell_run in found.cell_runs] == ["good"]
    (error,) = found.errors.values()
    assert str(tmp_path / "broken") in error.message
    assert "no good" in error.message
    assert left_out(found) == {
        "empty": "it has no database: manifests.job_db_init and manifests.job_db_drop add no Job",
        "elephant": "Job/db-init creates its database on a server of PostgreSQL, and there is none",
        "library": "a library chart, which cannot be installed",
        "unknown": "its values follow no known convention",
    }


def test_an_unknown_layout_that_the_user_names_is_still_a_usage_error(tmp_path: Path) -> None:
    unknown = chart(tmp_path)
    (unknown / "values.yaml").write_text(yaml.safe_dump({"colour": "red"}))
    with pytest.raises(UsageError, match="no known convention"):
        suite(unknown)


def test_a_chart_without_a_database_is_installed_by_a_run_that_is_not_reduced(tmp_path: Path) -> None:
    made = chart(tmp_path, job_db_init=None, job_db_drop=None)
    assert left_out(suite(made, reduced=False, flavors=("client",))) == {}
    assert [*left_out(suite(made))] == ["service"]


def test_a_chart_that_is_left_out_is_told_once_for_all_flavors_and_helm_majors(tmp_path: Path) -> None:
    chart(tmp_path, name="good")
    library = chart(tmp_path, name="library")
    (library / "Chart.yaml").write_text("apiVersion: v2\nname: library\nversion: 1.0.0\ntype: library\n")
    found = suite(tmp_path, helm_majors=(3, 4))
    assert [each.cell.chart for each in found.left_out] == ["library"]
    assert len(found.cell_runs) == 2


def test_no_step_of_a_reduced_run_withholds_the_database(tmp_path: Path) -> None:
    made = chart(tmp_path)
    (reduced,) = suite(made).cell_runs
    (whole,) = suite(made, reduced=False, flavors=("client",)).cell_runs
    assert reduced.scenario.reduced
    assert not reduced.scenario.whole
    assert reduced.scenario.steps[0].withhold_seconds == 0  # type: ignore[union-attr]
    assert whole.scenario.steps[0].withhold_seconds > 0  # type: ignore[union-attr]
