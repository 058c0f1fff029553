"""The configuration file: where it is found, what it may say, and who wins."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from osh_conformance.cli import main
from osh_conformance.config import configuration
from osh_conformance.errors import UsageError

_MUTANTS = Path(__file__).parents[1] / "mutants" / "static"


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
    assert found == {"deviations": (tmp_path / "charts" / "d.yaml",), "convention": "osh"}


def test_a_pyproject_without_the_table_is_passed_by(tmp_path: Path) -> None:
    _write(tmp_path, "[tool.osh-conformance]\nstrict = true", "pyproject.toml")
    _write(tmp_path / "charts", "[tool.other]\nx = 1", "pyproject.toml")
    assert configuration.found_for(tmp_path / "charts")["strict"]


def test_what_lies_outside_of_the_repository_does_not_apply(tmp_path: Path) -> None:
    _write(tmp_path, "strict = true")
    (tmp_path / "repository" / ".git").mkdir(parents=True)
    assert configuration.found_for(tmp_path / "repository") == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("strikt = true", "no option `strikt`: did you mean `strict`?"),
        ("strict = 1", "`strict`: expected `bool`, got `int`"),
        ("select = ['REF-1', 2]", "`select[1]`: expected `str`, got `int`"),
        ("select = [", "does not parse"),
    ],
)
def test_a_wrong_file_is_a_usage_error_that_names_it(tmp_path: Path, text: str, said: str) -> None:
    file = _write(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        configuration.found_for(tmp_path)
    assert said in str(caught.value)
    assert str(file) in str(caught.value)


def test_an_unknown_key_is_reported_with_its_line(tmp_path: Path) -> None:
    file = _write(tmp_path, 'strict = true\n\nselct = ["REF-1"]\n')
    with pytest.raises(UsageError, match="did you mean `select`") as caught:
        configuration.read(file)
    assert f"{file}:3: no option `selct`" in str(caught.value)


def test_the_command_line_wins(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    chart = shutil.copytree(_MUTANTS / "ref-2-latest", tmp_path / "chart")
    _write(tmp_path, 'select = ["REF-1"]')
    assert main(["check", str(chart)]) == 0
    assert main(["check", str(chart), "--select", "REF-2"]) == 1
    other = _write(tmp_path / "other", 'select = ["REF-2", "REF-1"]')
    capsys.readouterr()
    assert main(["check", str(chart), "--config", str(other)]) == 1
    assert f"--config {other}" in capsys.readouterr().out


def test_strictness_can_be_taken_back(tmp_path: Path) -> None:
    chart = shutil.copytree(_MUTANTS / "clean-flat", tmp_path / "chart")
    values = chart / "values.yaml"
    values.write_text(values.read_text().replace("quay.io/example/api", "docker.io/rabbitmq"))
    _write(tmp_path, 'select = ["REF-1"]\nstrict = true')
    assert main(["check", str(chart)]) == 1
    assert main(["check", str(chart), "--no-strict"]) == 0
