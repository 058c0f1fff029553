"""`check` with data files of the user: `--data`, the key `data`, and the folder beside the configuration file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from osh_conformance.cli import main
from osh_conformance.config.configuration import FILE
from osh_conformance.loading.search import PROJECT_FOLDER
from tests.unit.loading.toys import TOYS, write, write_all, write_painter

if TYPE_CHECKING:
    from pathlib import Path

#: Where the data folder lies, and how the run learns of it.
_WAYS = ["option", "key", "folder"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository of its own, so that no configuration file above it applies."""
    (tmp_path / "project" / ".git").mkdir(parents=True)
    return tmp_path / "project"


def _words(project: Path, way: str, folder: str = "mine") -> list[str]:
    """Name the data folder to the next run, and return its words of the command line."""
    if way == "option":
        return ["--data", str(project / folder)]
    text = f'data = ["{folder}"]\n' if way == "key" else ""
    (project / FILE).write_text(text)
    return []


def _folder(project: Path, way: str) -> Path:
    return project / (PROJECT_FOLDER if way == "folder" else "mine")


@pytest.mark.parametrize("way", _WAYS)
def test_check_recognises_a_convention_of_the_user(project: Path, way: str, capsys: pytest.CaptureFixture[str]) -> None:
    chart = str(write_painter(project / "painter"))
    assert main(["check", chart, "--select", "KEY"]) == 0
    assert "no images section of a known layout" in capsys.readouterr().out
    write_all(_folder(project, way))
    assert main(["check", chart, "--select", "KEY", *_words(project, way)]) == 0
    assert "no images section of a known layout" not in capsys.readouterr().out


@pytest.mark.parametrize("way", _WAYS)
def test_check_takes_the_images_of_a_flavor_of_the_user(
    project: Path, way: str, capsys: pytest.CaptureFixture[str]
) -> None:
    chart = str(write_painter(project / "painter", tag="1.0.0"))
    assert main(["check", chart, "--flavor", "toy"]) == 4
    assert "`toy`" in capsys.readouterr().err
    write_all(_folder(project, way))
    words = _words(project, way)
    assert main(["check", chart, "--select", "REF-2", *words]) == 0
    capsys.readouterr()
    assert main(["check", chart, "--select", "REF-2", "--flavor", "toy", *words]) == 1
    out = capsys.readouterr().out
    assert "pictures.api" in out
    assert "docker.io/example/painter:latest" in out


def test_check_repeats_the_data_folder_in_the_command_of_a_finding(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chart, mine = write_painter(project / "painter"), write_all(project / "mine")
    assert main(["check", str(chart), "--data", str(mine), "--select", "REF-2"]) == 1
    assert f"osh-conformance check {chart} --data {mine} --select REF-2" in capsys.readouterr().out


def test_the_data_option_replaces_the_key_of_the_file(project: Path) -> None:
    chart = str(write_painter(project / "painter"))
    (project / FILE).write_text('data = ["nowhere"]\n')
    assert main(["check", chart, "--select", "KEY-1"]) == 4
    assert main(["check", chart, "--select", "KEY-1", "--data", str(write_all(project / "mine"))]) == 0


@pytest.mark.parametrize("way", ["option", "key"])
def test_a_data_folder_that_does_not_exist_is_a_usage_error(
    project: Path, way: str, capsys: pytest.CaptureFixture[str]
) -> None:
    chart = str(write_painter(project / "painter"))
    assert main(["check", chart, *_words(project, way, "nowhere")]) == 4
    assert str(project / "nowhere") in capsys.readouterr().err


@pytest.mark.parametrize("way", _WAYS)
@pytest.mark.parametrize(("kind", "words"), [("flavor", ("`flavors`",)), ("docs", ("no data files",))])
def test_a_data_folder_without_a_known_kind_is_a_usage_error(
    project: Path, way: str, kind: str, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    chart, folder = str(write_painter(project / "painter")), _folder(project, way)
    write(folder, kind, TOYS["flavors"])
    assert main(["check", chart, *_words(project, way)]) == 4
    err = capsys.readouterr().err
    assert all(word in err for word in (str(folder), *words))


@pytest.mark.parametrize("way", _WAYS)
def test_a_name_that_the_suite_has_already_is_a_usage_error(
    project: Path, way: str, capsys: pytest.CaptureFixture[str]
) -> None:
    chart = str(write_painter(project / "painter"))
    file = write(_folder(project, way), "conventions", "name: osh\n", "osh.yaml")
    assert main(["check", chart, *_words(project, way)]) == 4
    assert f"{file}: `osh` is already defined" in capsys.readouterr().err
