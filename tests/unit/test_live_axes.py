"""The live matrix: which cells there are, which are left out and why, and how a cell is run again."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from osh_conformance.config.options import LiveOptions
from osh_conformance.errors import UsageError
from osh_conformance.loading import records
from osh_conformance.model.finding import Finding, Severity, Status, Verdict
from osh_conformance.plan.plan import LiveSuite

if TYPE_CHECKING:
    from osh_conformance.plan.cells import CellRun

CHARTS = Path(__file__).parents[2] / "charts-under-test"
KEYSTONE = CHARTS / "keystone"
ELSEWHERE = ("cri-o", "docker-engine", "gvisor")


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
    assert {cell_run.cell.flavor for cell_run in found.cell_runs} == set(records.flavors())
    assert not found.left_out


def test_all_runtimes_are_those_that_our_own_nodes_have() -> None:
    found = suite(runtimes=("all",))
    assert {cell_run.cell.runtime for cell_run in found.cell_runs} == set(records.runtimes()) - set(ELSEWHERE)
    assert {each.cell.runtime: each.reason for each in found.left_out} == {
        name: f"needs {records.runtimes()[name].needs}" for name in ELSEWHERE
    }


def test_all_formats_begin_with_the_default_and_leave_out_the_charts_own_references() -> None:
    found = suite(packaging_formats=("all",), flavors=("distribution", "shipped"))
    assert found.cell_runs[0].cell.format == "docker"
    ours = {cell_run.cell.format for cell_run in found.cell_runs if cell_run.cell.flavor == "distribution"}
    theirs = {cell_run.cell.format for cell_run in found.cell_runs if cell_run.cell.flavor == "shipped"}
    assert (ours, theirs) == (set(records.formats()), {"docker"})
    assert {each.cell.format for each in found.left_out} == set(records.formats()) - {"docker"}
    assert {each.reason for each in found.left_out} == {"in another format the reference would not be the chart's own"}


@pytest.mark.parametrize("matrix_mode", ["pairwise", "single"])
def test_what_cannot_be_had_here_costs_no_value_of_another_axis(matrix_mode: str) -> None:
    found = suite(
        flavors=("all",), runtimes=("all",), packaging_formats=("all",), helm_majors=(3, 4), matrix_mode=matrix_mode
    )
    assert {cell_run.cell.flavor for cell_run in found.cell_runs} == set(records.flavors())
    assert {cell_run.cell.format for cell_run in found.cell_runs} == set(records.formats())
    assert {cell_run.cell.helm for cell_run in found.cell_runs} == {3, 4}
    assert {each.cell.runtime for each in found.left_out} == set(ELSEWHERE)


@pytest.mark.parametrize("name", ELSEWHERE)
def test_a_runtime_that_needs_another_cluster_is_a_usage_error_by_name(name: str) -> None:
    with pytest.raises(UsageError, match=f"--runtime {name}: needs "):
        suite(runtimes=("runc", name))


def test_a_cluster_of_the_users_has_the_runtimes_that_it_has(kubeconfig: Path) -> None:
    options = {"kubeconfig": kubeconfig, "allow_cluster": "own"}
    found = suite(runtimes=("all",), **options)
    assert {cell_run.cell.runtime for cell_run in found.cell_runs} == {"cri-o", "docker-engine"}
    assert {each.reason for each in found.left_out} == {"only a cluster of the suite's own gets RuntimeClasses from it"}
    with pytest.raises(UsageError, match="--runtime crun: only a cluster of the suite's own"):
        suite(runtimes=("crun",), **options)


def test_a_cluster_of_the_users_gets_images_as_their_registries_have_them(kubeconfig: Path) -> None:
    found = suite(packaging_formats=("all",), kubeconfig=kubeconfig, allow_cluster="own")
    assert {cell_run.cell.format for cell_run in found.cell_runs} == {"docker"}
    assert "registries that the suite does not fill" in found.left_out[0].reason


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"packaging_formats": ("oci-zst",)}, "no format `oci-zst`: did you mean `oci-zstd`"),
        ({"runtimes": ("cruun",)}, "no runtime `cruun`: did you mean `crun`"),
        ({"matrix_mode": "pairs"}, "no matrix `pairs`"),
        ({"shard": "3/2"}, "--shard 3/2"),
    ],
)
def test_a_wrong_name_is_a_usage_error_that_helps(options: dict[str, object], message: str) -> None:
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


def test_a_shard_takes_what_is_left_out_with_it() -> None:
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


def test_a_pair_is_run_again_by_its_values_on_each_axis() -> None:
    found = suite(
        flavors=("loci",), packaging_formats=("oci-zstd",), runtimes=("youki",), helm_majors=(3,), shard="1/1"
    )
    assert again(found, found.cell_runs[0]) == (
        "--flavor loci --format oci-zstd --runtime youki --helm 3 --scenario drop-disabled"
    )


def test_a_flavor_of_the_users_own_is_run_again_from_its_file(tmp_path: Path) -> None:
    file = flavor_file(tmp_path, "services: {keystone: 'docker.io/x/y:1.0.0'}\n")
    found = suite(flavor_files=(file,), flavors=("loci",), scenarios=("drop-enabled",))
    assert [again(found, cell_run) for cell_run in found.cell_runs] == [
        f"--flavor-file {file} --helm 4 --scenario drop-enabled",
        "--flavor loci --helm 4 --scenario drop-enabled",
    ]


# -- flavors and charts --------------------------------------------------------------------------------------------


def test_a_misspelt_key_of_a_flavor_is_a_usage_error_that_helps(tmp_path: Path) -> None:
    file = flavor_file(tmp_path, "images: {keystone_apy: 'docker.io/x/y:1.0.0'}\n")
    with pytest.raises(UsageError, match="no such image key in keystone: did you mean `keystone_api`") as caught:
        suite(flavor_files=(file,))
    assert f"{file}: images.keystone_apy" in str(caught.value)


def test_a_standard_key_that_a_chart_does_not_have_is_no_mistake(tmp_path: Path) -> None:
    text = "images: {ks_user: 'docker.io/x/y:1.0.0'}\nservices: {keystone: 'docker.io/x/y:1.0.0'}\n"
    assert suite(flavor_files=(flavor_file(tmp_path, text),)).cell_runs


def test_two_flavors_of_one_name_are_a_usage_error(tmp_path: Path) -> None:
    file = flavor_file(tmp_path, "services: {keystone: 'docker.io/x/y:1.0.0'}\n", name="loci")
    with pytest.raises(UsageError, match="two flavors are called loci"):
        suite(flavor_files=(file,), flavors=("loci",))


def test_of_all_flavors_those_that_know_nothing_of_a_chart_are_left_out(tmp_path: Path) -> None:
    found = suite(renamed(tmp_path, "glance"), flavors=("all",))
    assert {cell_run.cell.flavor for cell_run in found.cell_runs} == {"shipped"}
    reasons = {each.cell.flavor: each.reason for each in found.left_out}
    assert set(reasons) == set(records.flavors()) - {"shipped"}
    assert "the flavor kolla has no image for db_init" in reasons["kolla"]


def test_two_charts_of_one_name_are_a_usage_error(tmp_path: Path) -> None:
    copy = tmp_path / "keystone"
    shutil.copytree(KEYSTONE, copy)
    with pytest.raises(UsageError, match=f"{KEYSTONE} and {copy} are both called keystone"):
        suite(KEYSTONE, copy)


def test_a_chart_that_is_named_twice_is_run_once() -> None:
    assert cells(suite(KEYSTONE, CHARTS)) == cells(suite(CHARTS))


# -- tiers ---------------------------------------------------------------------------------------------------------

_FAILS = Finding(rule="SCRIPT-1", chart="keystone", found="f", expected="e", why="w", fix="x")


def finished(*, flavor: str, strict: bool = False, convention: str = "reference") -> Verdict:
    """What a run makes of a finding on a chart that is laid out so."""
    found = suite(flavors=(flavor,), scenarios=("drop-enabled",), strict=strict, convention=convention)
    (cell_run,) = found.cell_runs
    return found.graded(Verdict.of("SCRIPT-1", [_FAILS]), cell_run)


def test_a_chart_that_promises_to_run_on_minimal_images_fails_on_them() -> None:
    assert finished(flavor="minimal").status is Status.FAIL


def test_another_chart_is_warned_of_what_it_lacks_in_minimal_images() -> None:
    verdict = finished(flavor="minimal", convention="osh")
    assert verdict.status is Status.PASS
    assert [(each.severity, each.status) for each in verdict.findings] == [(Severity.WARNING, Status.WARNING)]


def test_another_chart_fails_on_any_other_image() -> None:
    assert finished(flavor="distribution", convention="osh").status is Status.FAIL


def test_with_strict_a_warning_fails() -> None:
    assert finished(flavor="minimal", convention="osh", strict=True).status is Status.FAIL
