"""The cells of a live run: which run, which are left out with which reason, and the command that repeats one."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from osh_conformance.config.engine_options import LiveOptions
from osh_conformance.config.levels import Level, Levels, RuleLevel
from osh_conformance.errors import UsageError
from osh_conformance.loading import definitions
from osh_conformance.model.finding import Finding, Severity, Status, Verdict
from osh_conformance.plan.plan import LiveSuite
from tests.paths import CHARTS, KEYSTONE

if TYPE_CHECKING:
    from pathlib import Path

    from osh_conformance.plan.cells import CellRun

#: Flavors on whose images no service runs: their further images do nothing.
JOBS_ONLY = {"client", "client-sqlalchemy-1"}
ELSEWHERE = ("cri-o", "docker-engine")


def suite(*paths: Path, **options: object) -> LiveSuite:
    return LiveSuite(LiveOptions(paths=paths or (KEYSTONE,), **options))  # type: ignore[arg-type]


def cells(found: LiveSuite) -> list[str]:
    return list(dict.fromkeys(cell_run.cell.id for cell_run in found.cell_runs))


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Path:
    """A cluster of the user's own."""
    file = tmp_path / "config"
    file.write_text(
        "apiVersion: v1\ncurrent-context: own\n"
        "contexts: [{name: own, context: {cluster: own, user: u}}]\n"
        "clusters: [{name: own, cluster: {server: 'https://127.0.0.1:1'}}]\nusers: [{name: u, user: {}}]\n"
    )
    return file


def renamed(folder: Path, name: str) -> Path:
    """Our chart under another name, which no flavor knows."""
    shutil.copytree(KEYSTONE, folder / name)
    file = folder / name / "Chart.yaml"
    file.write_text(file.read_text().replace("name: keystone\n", f"name: {name}\n"))
    return folder / name


def flavor_file(folder: Path, text: str, name: str = "mine") -> Path:
    file = folder / f"{name}.yaml"
    file.write_text(f"name: {name}\nsummary: x\n{text}")
    return file


def test_all_flavors_are_those_that_come_with_the_suite() -> None:
    found = suite(flavors=("all",))
    assert {cell_run.cell.flavor for cell_run in found.cell_runs} == set(definitions.flavors()) - JOBS_ONLY
    assert not found.left_out


def test_all_flavors_of_a_reduced_run_include_those_on_which_no_service_runs() -> None:
    found = suite(flavors=("all",), reduced=True)
    assert {cell_run.cell.flavor for cell_run in found.cell_runs} == set(definitions.flavors())


def test_all_runtimes_are_those_that_our_own_nodes_have() -> None:
    found = suite(runtimes=("all",))
    assert {cell_run.cell.runtime for cell_run in found.cell_runs} == set(definitions.runtimes()) - set(ELSEWHERE)
    assert {each.cell.runtime: each.reason for each in found.left_out} == {
        name: f"needs {definitions.runtimes()[name].needs}" for name in ELSEWHERE
    }


def test_all_formats_begin_with_the_default_and_leave_out_the_charts_own_references() -> None:
    found = suite(packaging_formats=("all",), flavors=("distribution", "shipped"))
    assert found.cell_runs[0].cell.packaging_format == "docker"
    ours = {cell_run.cell.packaging_format for cell_run in found.cell_runs if cell_run.cell.flavor == "distribution"}
    theirs = {cell_run.cell.packaging_format for cell_run in found.cell_runs if cell_run.cell.flavor == "shipped"}
    assert (ours, theirs) == (set(definitions.formats()), {"docker"})
    assert {each.cell.packaging_format for each in found.left_out} == set(definitions.formats()) - {"docker"}
    assert {each.reason for each in found.left_out} == {"in another format the reference would not be the chart's own"}


@pytest.mark.parametrize("matrix_mode", ["pairwise", "single"])
def test_a_value_that_cannot_run_here_costs_no_value_of_another_axis(matrix_mode: str) -> None:
    found = suite(
        flavors=("all",), runtimes=("all",), packaging_formats=("all",), helm_majors=(3, 4), matrix_mode=matrix_mode
    )
    assert {cell_run.cell.flavor for cell_run in found.cell_runs} == set(definitions.flavors()) - JOBS_ONLY
    assert {cell_run.cell.packaging_format for cell_run in found.cell_runs} == set(definitions.formats())
    assert {cell_run.cell.helm_major for cell_run in found.cell_runs} == {3, 4}
    assert {each.cell.runtime for each in found.left_out} == set(ELSEWHERE)


@pytest.mark.parametrize("name", ELSEWHERE)
def test_a_runtime_that_needs_another_cluster_is_a_usage_error_by_name(name: str) -> None:
    with pytest.raises(UsageError, match=f"--runtime {name}: "):
        suite(runtimes=("runc", name))


def test_a_foreign_cluster_gets_no_runtime_classes(kubeconfig: Path) -> None:
    own = {"kubeconfig": kubeconfig, "allow_cluster": "own"}
    found = suite(runtimes=("all",), **own)
    assert {cell_run.cell.runtime for cell_run in found.cell_runs} == {"cri-o", "docker-engine"}
    (reason,) = {each.reason for each in found.left_out}
    assert "RuntimeClass" in reason
    with pytest.raises(UsageError, match="--runtime crun: "):
        suite(runtimes=("crun",), **own)


def test_a_foreign_cluster_gets_no_packaging_format(kubeconfig: Path) -> None:
    found = suite(packaging_formats=("all",), kubeconfig=kubeconfig, allow_cluster="own")
    assert {cell_run.cell.packaging_format for cell_run in found.cell_runs} == {"docker"}
    assert "registr" in found.left_out[0].reason


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"packaging_formats": ("oci-zst",)}, "`oci-zst`.*`oci-zstd`"),
        ({"runtimes": ("cruun",)}, "`cruun`.*`crun`"),
        ({"matrix_mode": "pairs"}, "`pairs`"),
        ({"shard": "3/2"}, "--shard 3/2"),
    ],
)
def test_an_unknown_name_is_a_usage_error_with_a_suggestion(options: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        suite(**options)


# -- which part ----------------------------------------------------------------------------------------------------


def test_shards_are_disjoint_complete_and_stable() -> None:
    wide: dict[str, object] = {"flavors": ("all",), "runtimes": ("runc", "crun"), "helm_majors": (3, 4)}
    whole = cells(suite(**wide))
    parts = [cells(suite(**wide, shard=f"{number}/3")) for number in (1, 2, 3)]
    assert sorted(name for part in parts for name in part) == sorted(whole)
    narrow = {**wide, "helm_majors": (4,)}
    assert cells(suite(**narrow, shard="2/3")) == [name for name in parts[1] if name.endswith("helm4")]


def test_a_shard_has_its_part_of_what_is_left_out() -> None:
    wide: dict[str, object] = {"flavors": ("all",), "runtimes": ("all",)}
    parts = [suite(**wide, shard=f"{number}/2").left_out for number in (1, 2)]
    assert sorted(each.cell.id for part in parts for each in part) == sorted(
        each.cell.id for each in suite(**wide).left_out
    )


def test_probes_are_run_once_for_each_runtime() -> None:
    found = suite(flavors=("all",), runtimes=("runc", "crun"), helm_majors=(3, 4))
    probed = [cell_run.cell.runtime for cell_run in found.cell_runs if cell_run.scenario.probes]
    assert sorted(probed) == ["crun", "runc"]


def test_the_same_scenario_on_other_cells_of_a_chart_is_compared() -> None:
    found = suite(flavors=("distribution", "loci"), scenarios=("drop-enabled", "drop-disabled"))
    first = found.cell_runs[0]
    (other,) = found.comparable(first)
    assert (other.scenario, other.cell.flavor) == (first.scenario, "loci")


# -- again ---------------------------------------------------------------------------------------------------------


def again(found: LiveSuite, cell_run: CellRun) -> str:
    return found.command(cell_run).removeprefix(f"osh-conformance live {KEYSTONE} ")


def test_the_command_of_a_cell_names_its_value_on_each_axis() -> None:
    found = suite(
        flavors=("loci",), packaging_formats=("oci-zstd",), runtimes=("youki",), helm_majors=(3,), shard="1/1"
    )
    assert again(found, found.cell_runs[0]) == (
        "--flavor loci --format oci-zstd --runtime youki --helm 3 --scenario drop-disabled"
    )


def test_the_command_of_a_flavor_file_names_the_file(tmp_path: Path) -> None:
    file = flavor_file(tmp_path, "services: {keystone: 'docker.io/x/y:1.0.0'}\n")
    found = suite(flavor_files=(file,), flavors=("loci",), scenarios=("drop-enabled",))
    assert [again(found, cell_run) for cell_run in found.cell_runs] == [
        f"--flavor-file {file} --helm 4 --scenario drop-enabled",
        "--flavor loci --helm 4 --scenario drop-enabled",
    ]


# -- flavors and charts --------------------------------------------------------------------------------------------


def test_a_misspelt_key_of_a_flavor_is_a_usage_error_with_a_suggestion(tmp_path: Path) -> None:
    file = flavor_file(tmp_path, "images: {keystone_apy: 'docker.io/x/y:1.0.0'}\n")
    with pytest.raises(UsageError, match="`keystone_api`") as caught:
        suite(flavor_files=(file,))
    assert f"{file}: images.keystone_apy" in str(caught.value)


def test_a_standard_key_that_a_chart_does_not_have_is_accepted(tmp_path: Path) -> None:
    text = "images: {ks_user: 'docker.io/x/y:1.0.0'}\nservices: {keystone: 'docker.io/x/y:1.0.0'}\n"
    assert suite(flavor_files=(flavor_file(tmp_path, text),)).cell_runs


def test_two_flavors_with_one_name_are_a_usage_error(tmp_path: Path) -> None:
    file = flavor_file(tmp_path, "services: {keystone: 'docker.io/x/y:1.0.0'}\n", name="loci")
    with pytest.raises(UsageError, match="loci"):
        suite(flavor_files=(file,), flavors=("loci",))


def test_flavor_all_leaves_out_flavors_without_images_for_a_chart(tmp_path: Path) -> None:
    found = suite(renamed(tmp_path, "swift"), flavors=("all",))
    assert {cell_run.cell.flavor for cell_run in found.cell_runs} == {"shipped"}
    reasons = {each.cell.flavor: each.reason for each in found.left_out}
    assert set(reasons) == set(definitions.flavors()) - {"shipped"} - JOBS_ONLY
    assert "the flavor kolla has no image for db_init" in reasons["kolla"]


def test_two_charts_with_one_name_are_a_usage_error(tmp_path: Path) -> None:
    copy = tmp_path / "keystone"
    shutil.copytree(KEYSTONE, copy)
    with pytest.raises(UsageError, match=f"{KEYSTONE} and {copy} are both called keystone"):
        suite(KEYSTONE, copy)


def test_a_chart_that_is_named_twice_is_run_once() -> None:
    assert sorted(cells(suite(KEYSTONE, CHARTS))) == sorted(cells(suite(CHARTS)))


# -- tiers ---------------------------------------------------------------------------------------------------------

_FAILS = Finding(rule="SCRIPT-1", chart="keystone", found="f", expected="e", why="w", fix="x")


def finished(*, flavor: str, strict: bool = False, convention: str = "reference") -> Verdict:
    """What a run makes of a finding on a chart that is laid out so."""
    found = suite(flavors=(flavor,), scenarios=("drop-enabled",), strict=strict, convention=convention)
    (cell_run,) = found.cell_runs
    return found.graded(Verdict.of("SCRIPT-1", [_FAILS]), cell_run)


def test_a_chart_that_promises_to_run_on_minimal_images_fails_on_them() -> None:
    assert finished(flavor="minimal").status is Status.FAIL


def test_a_chart_of_convention_osh_gets_a_warning_on_minimal_images() -> None:
    verdict = finished(flavor="minimal", convention="osh")
    assert verdict.status is Status.PASS
    assert [(each.severity, each.status) for each in verdict.findings] == [(Severity.WARNING, Status.WARNING)]


def test_a_chart_of_convention_osh_fails_on_any_other_image() -> None:
    assert finished(flavor="distribution", convention="osh").status is Status.FAIL


def test_a_warning_on_minimal_images_fails_when_strict() -> None:
    assert finished(flavor="minimal", convention="osh", strict=True).status is Status.FAIL


def test_the_level_of_the_configuration_holds_on_a_cluster_too() -> None:
    levels = Levels(entries=(RuleLevel(rules=frozenset({"SCRIPT-1"}), level=Level.WARNING),))
    found = suite(flavors=("distribution",), scenarios=("drop-enabled",), levels=levels)
    verdict = found.graded(Verdict.of("SCRIPT-1", [_FAILS]), found.cell_runs[0])
    assert [each.status for each in verdict.findings] == [Status.WARNING]


def test_an_excluded_chart_is_not_installed(tmp_path: Path) -> None:
    other = renamed(tmp_path, "swift")
    found = suite(KEYSTONE, other, levels=Levels(exclude=(str(other.resolve()),)))
    assert {cell_run.cell.chart for cell_run in found.cell_runs} == {"keystone"}
