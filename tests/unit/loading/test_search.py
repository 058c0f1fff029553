"""The search path: data files from outside the package are found, and no name is defined twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from osh_conformance.charts import conventions
from osh_conformance.check.engine import StaticEngine
from osh_conformance.config.engine_options import CheckOptions, LiveOptions
from osh_conformance.errors import UsageError
from osh_conformance.loading import definitions
from osh_conformance.loading.search import KINDS, PROJECT_FOLDER, DataPath, data_files, data_path
from osh_conformance.plan import scenarios
from osh_conformance.plan.plan import LiveSuite
from tests.paths import KEYSTONE
from tests.unit.loading.toys import TOYS, write, write_all, write_painter

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def data(tmp_path: Path) -> DataPath:
    """A folder with one file of each kind."""
    return data_path([write_all(tmp_path / "mine")])


def planned(data: DataPath, **options: object) -> LiveSuite:
    return LiveSuite(LiveOptions(paths=(KEYSTONE,), data=data, **options))  # type: ignore[arg-type]


def test_a_flavor_from_outside_the_package_makes_a_cell(data: DataPath) -> None:
    (cell_run,) = planned(data, flavors=("toy",), scenarios=("drop-enabled",)).cell_runs
    assert cell_run.cell.flavor == "toy"
    assert cell_run.axes.flavor.services["keystone"] == "docker.io/example/keystone:1.0.0"


def test_a_format_from_outside_the_package_makes_a_cell(data: DataPath) -> None:
    (cell_run,) = planned(data, packaging_formats=("toy",), scenarios=("drop-enabled",)).cell_runs
    assert (cell_run.cell.packaging_format, cell_run.axes.packaging_format.suffix) == ("toy", "-toy")


def test_a_runtime_from_outside_the_package_makes_a_cell(data: DataPath) -> None:
    (cell_run,) = planned(data, runtimes=("toy",), scenarios=("drop-enabled",)).cell_runs
    assert cell_run.cell.runtime == "toy"


def test_a_scenario_from_outside_the_package_runs_by_its_name(data: DataPath) -> None:
    (cell_run,) = planned(data, scenarios=("toy",)).cell_runs
    assert (cell_run.scenario.name, cell_run.scenario.rules) == ("toy", ("DROP-4",))


def test_a_scenario_from_outside_the_package_joins_its_group(data: DataPath) -> None:
    assert {cell_run.scenario.name for cell_run in planned(data).cell_runs} >= {"drop-enabled", "toy"}


def test_a_convention_from_outside_the_package_is_recognised(data: DataPath, tmp_path: Path) -> None:
    options = CheckOptions(paths=(write_painter(tmp_path / "painter"),), cache=False)
    with_toy = StaticEngine(CheckOptions(paths=options.paths, cache=False, data=data))
    without = StaticEngine(options)
    rendered = [engine.rendered(engine.targets[0]) for engine in (with_toy, without)]
    assert [chart.convention for chart in rendered if chart] == ["toy", None]
    (finding,) = with_toy.result(with_toy.targets[0], "REF-2").event.check.findings
    assert (finding.key, finding.line) == ("pictures.api", 1)


def test_a_convention_from_outside_the_package_is_found_by_name(data: DataPath) -> None:
    assert conventions.named("toy", data).images == "pictures"
    with pytest.raises(UsageError, match="no convention `toy`"):
        conventions.named("toy")


@pytest.mark.parametrize("kind", KINDS)
def test_a_name_of_the_package_cannot_be_defined_again(kind: str, tmp_path: Path) -> None:
    taken = next(iter(data_files(kind)))
    file = write(tmp_path, kind, f"name: {taken}\n", f"{taken}.yaml")
    with pytest.raises(UsageError, match=f"`{taken}` is already defined in .*data/{kind}/{taken}.yaml") as caught:
        data_files(kind, data_path([tmp_path]))
    assert str(caught.value).startswith(f"{file}: ")


def test_two_files_of_one_name_in_one_folder_are_an_error(tmp_path: Path) -> None:
    write(tmp_path, "flavors", TOYS["flavors"])
    write(tmp_path, "flavors", TOYS["flavors"], "toy.yml")
    with pytest.raises(UsageError, match=r"toy.yml: `toy` is already defined in .*toy.yaml"):
        definitions.flavors(data_path([tmp_path]))


def test_a_file_must_have_the_name_that_is_in_it(tmp_path: Path) -> None:
    write(tmp_path, "flavors", TOYS["flavors"], "other.yaml")
    with pytest.raises(UsageError, match=r"other.yaml:1: `name` is `toy`, and the file is called other.yaml"):
        definitions.flavors(data_path([tmp_path]))


def test_the_project_folder_lies_beside_the_configuration_file(tmp_path: Path) -> None:
    write(tmp_path / PROJECT_FOLDER, "flavors", TOYS["flavors"])
    assert "toy" in definitions.flavors(data_path(configuration=tmp_path / "osh-conformance.toml"))
    assert data_path(configuration=tmp_path / "elsewhere" / "osh-conformance.toml").folders == ()


def test_one_folder_that_is_named_twice_counts_once(tmp_path: Path) -> None:
    write(tmp_path / PROJECT_FOLDER, "flavors", TOYS["flavors"])
    named = [tmp_path / PROJECT_FOLDER, tmp_path / PROJECT_FOLDER]
    assert "toy" in definitions.flavors(data_path(named, tmp_path / "osh-conformance.toml"))


@pytest.mark.parametrize(
    ("inside", "message"),
    [("flavor", "no kind of data file: did you mean `flavors`"), ("docs", "no data files"), ("", "no such folder")],
)
def test_a_folder_whose_files_would_be_ignored_is_an_error(tmp_path: Path, inside: str, message: str) -> None:
    if inside:
        (tmp_path / "mine" / inside).mkdir(parents=True)
    with pytest.raises(UsageError, match=message):
        data_path([tmp_path / "mine"])


def test_an_unknown_rule_of_a_scenario_is_an_error_with_its_line(tmp_path: Path) -> None:
    write(tmp_path, "scenarios", TOYS["scenarios"].replace("DROP-4", "DROP-40"))
    with pytest.raises(UsageError, match=r"toy.yaml:4: `rules\[0\]`: no rule `DROP-40`: did you mean `DROP-4`"):
        scenarios.known(data_path([tmp_path]))
