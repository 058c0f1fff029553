"""The configuration file: where it is found, its options, and the command line over it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from osh_conformance.cli import main
from osh_conformance.config import configuration
from osh_conformance.errors import UsageError
from tests.case_charts import case

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def _write(folder: Path, text: str, name: str = configuration.FILE) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_text(text)
    return file


def _found(path: Path) -> Mapping[str, Any]:
    """Return the options of the file that applies to `path`."""
    file = configuration.nearest(path)
    assert file is not None
    return configuration.read(file)


def test_the_nearest_file_applies_and_paths_are_relative_to_it(tmp_path: Path) -> None:
    _write(tmp_path, "strict = true")
    _write(tmp_path / "charts", 'deviations = ["d.yaml"]\nconvention = "osh"')
    (tmp_path / "charts" / "api").mkdir()
    found = _found(tmp_path / "charts" / "api")
    assert found == {"deviations": (tmp_path / "charts" / "d.yaml",), "convention": "osh"}


def test_a_pyproject_without_the_table_is_skipped(tmp_path: Path) -> None:
    _write(tmp_path, "[tool.osh-conformance]\nstrict = true", "pyproject.toml")
    _write(tmp_path / "charts", "[tool.other]\nx = 1", "pyproject.toml")
    assert _found(tmp_path / "charts")["strict"]


def test_a_file_outside_of_the_repository_does_not_apply(tmp_path: Path) -> None:
    _write(tmp_path, "strict = true")
    (tmp_path / "repository" / ".git").mkdir(parents=True)
    assert configuration.nearest(tmp_path / "repository") is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("strikt = true", ("`strikt`", "`strict`")),
        ("strict = 1", ("`strict`", "`bool`", "`int`")),
        ("select = ['REF-1', 2]", ("`select[1]`", "`str`", "`int`")),
        ("select = [", ("parse",)),
        ("renderer = 'hlem'", (":1: `renderer`", "no value `hlem`: did you mean `helm`?", "sdk or helm")),
    ],
)
def test_a_wrong_file_is_a_usage_error_that_names_it(tmp_path: Path, text: str, words: tuple[str, ...]) -> None:
    file = _write(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        _found(tmp_path)
    assert all(word in str(caught.value) for word in words)
    assert str(file) in str(caught.value)


def test_an_unknown_key_is_reported_with_its_line(tmp_path: Path) -> None:
    file = _write(tmp_path, 'strict = true\n\nselct = ["REF-1"]\n')
    with pytest.raises(UsageError, match="did you mean `select`") as caught:
        configuration.read(file)
    assert f"{file}:3: no option `selct`" in str(caught.value)


def test_the_command_line_overrides_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    chart = shutil.copytree(case("ref-2-latest"), tmp_path / "chart")
    _write(tmp_path, 'select = ["REF-1"]')
    assert main(["check", str(chart)]) == 0
    assert main(["check", str(chart), "--select", "REF-2"]) == 1
    other = _write(tmp_path / "other", 'select = ["REF-2", "REF-1"]')
    capsys.readouterr()
    assert main(["check", str(chart), "--config", str(other)]) == 1
    assert f"--config {other}" in capsys.readouterr().out


def test_no_strict_overrides_the_file(tmp_path: Path) -> None:
    chart = shutil.copytree(case("clean-flat"), tmp_path / "chart")
    values = chart / "values.yaml"
    values.write_text(values.read_text().replace("quay.io/example/api", "docker.io/rabbitmq"))
    _write(tmp_path, 'select = ["REF-1"]\nstrict = true')
    assert main(["check", str(chart)]) == 1
    assert main(["check", str(chart), "--no-strict"]) == 0


@pytest.mark.parametrize(
    ("text", "option", "problem"),
    [
        ('data = ["nowhere"]', ("--data", "nowhere"), "no such folder"),
        ('select = ["DEP-1"]', ("--select", "DEP-1"), "only `osh-conformance live` checks it"),
    ],
)
def test_an_error_names_the_key_or_the_option_that_gave_the_value(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, option: tuple[str, str], problem: str
) -> None:
    chart = shutil.copytree(case("clean-flat"), tmp_path / "chart")
    file = _write(tmp_path, f"strict = true\n{text}")
    assert main(["check", str(chart)]) == 4
    error = capsys.readouterr().err
    assert f"{file}:2: `{option[0].removeprefix('--')}` " in error
    assert problem in error
    assert main(["check", str(chart), *option]) == 4
    assert f"{' '.join(option)}: {problem}" in capsys.readouterr().err


def test_a_selection_in_the_file_may_name_live_rules_beside_static_ones(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chart = shutil.copytree(case("clean-flat"), tmp_path / "chart")
    _write(tmp_path, 'select = ["REF-1", "DROP-6"]')
    assert main(["check", str(chart)]) == 0
    assert "1 chart, 1 check: 1 passed" in capsys.readouterr().out
