"""The configuration file: where it is found, its options, and the command line over it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from osh_conformance.cli import main
from osh_conformance.config import configuration
from osh_conformance.config.configuration import Configuration
from osh_conformance.errors import UsageError
from tests.case_charts import case

if TYPE_CHECKING:
    from pathlib import Path


def _write(folder: Path, text: str, name: str = configuration.FILE) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_text(text)
    return file


def test_the_nearest_file_applies_and_paths_are_relative_to_it(tmp_path: Path) -> None:
    _write(tmp_path, "strict = true")
    _write(tmp_path / "charts", 'deviations = ["d.yaml"]\nconvention = "osh"')
    (tmp_path / "charts" / "api").mkdir()
    found = configuration.found_for(tmp_path / "charts" / "api")
    assert found == Configuration(deviations=(str(tmp_path / "charts" / "d.yaml"),), convention="osh")


def test_a_pyproject_without_the_table_is_skipped(tmp_path: Path) -> None:
    _write(tmp_path, "[tool.osh-conformance]\nstrict = true", "pyproject.toml")
    _write(tmp_path / "charts", "[tool.other]\nx = 1", "pyproject.toml")
    assert configuration.found_for(tmp_path / "charts").strict


def test_a_file_outside_of_the_repository_does_not_apply(tmp_path: Path) -> None:
    _write(tmp_path, "strict = true")
    (tmp_path / "repository" / ".git").mkdir(parents=True)
    assert configuration.found_for(tmp_path / "repository") == Configuration()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("strikt = true", ("`strikt`", "`strict`")),
        ("strict = 1", ("`strict`", "`bool`", "`int`")),
        ("rule = ['REF-1', 2]", ("`rule[1]`", "`str`", "`int`")),
        ("rule = [", ("parse",)),
    ],
)
def test_a_wrong_file_is_a_usage_error_that_names_it(tmp_path: Path, text: str, words: tuple[str, ...]) -> None:
    file = _write(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        configuration.found_for(tmp_path)
    assert all(word in str(caught.value) for word in words)
    assert str(file) in str(caught.value)


def test_the_command_line_overrides_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    chart = shutil.copytree(case("ref-2-latest"), tmp_path / "chart")
    _write(tmp_path, 'rule = ["REF-1"]')
    assert main(["check", str(chart)]) == 0
    assert main(["check", str(chart), "--rule", "REF-2"]) == 1
    other = _write(tmp_path / "other", 'rule = ["REF-2", "REF-1"]')
    capsys.readouterr()
    assert main(["check", str(chart), "--config", str(other)]) == 1
    assert f"--config {other}" in capsys.readouterr().out


def test_no_strict_overrides_the_file(tmp_path: Path) -> None:
    chart = shutil.copytree(case("clean-flat"), tmp_path / "chart")
    values = chart / "values.yaml"
    values.write_text(values.read_text().replace("quay.io/example/api", "docker.io/rabbitmq"))
    _write(tmp_path, 'rule = ["REF-1"]\nstrict = true')
    assert main(["check", str(chart)]) == 1
    assert main(["check", str(chart), "--no-strict"]) == 0
