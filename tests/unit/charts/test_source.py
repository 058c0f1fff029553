"""Reading charts: folders, archives, and what they depend on."""

from __future__ import annotations

import tarfile
from typing import TYPE_CHECKING

import pytest

from osh_conformance.charts.find import find_charts
from osh_conformance.charts.source import opened
from osh_conformance.errors import SuiteError

if TYPE_CHECKING:
    from pathlib import Path


def _chart(folder: Path, name: str = "a", extra: str = "") -> Path:
    (folder / "templates").mkdir(parents=True)
    (folder / "Chart.yaml").write_text(f"apiVersion: v2\nname: {name}\nversion: 1.0.0\n{extra}")
    (folder / "values.yaml").write_text("images: {}\n")
    return folder


def _depends_on(name: str, repository: str) -> str:
    return f"dependencies:\n  - name: {name}\n    version: 1.0.0\n    repository: {repository}\n"


def _snapshot(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_a_folder_is_opened_where_it_is(tmp_path: Path) -> None:
    chart = _chart(tmp_path / "a")
    with opened(chart) as source:
        assert (source.folder, source.name, source.version, source.library) == (chart, "a", "1.0.0", False)


def test_an_archive_is_unpacked_for_as_long_as_it_is_open(tmp_path: Path) -> None:
    archive = tmp_path / "a-1.0.0.tgz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(_chart(tmp_path / "a"), "a")
    with opened(archive) as source:
        folder = source.folder
        assert (folder / "values.yaml").is_file()
    assert not folder.exists()


def test_an_archive_with_a_path_out_of_it_is_refused(tmp_path: Path) -> None:
    archive = tmp_path / "a-1.0.0.tgz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(_chart(tmp_path / "a") / "Chart.yaml", "../../escaped.yaml")
    with pytest.raises(SuiteError, match="escaped"), opened(archive):
        pass


def test_a_dependency_beside_the_chart_is_put_into_a_copy(tmp_path: Path) -> None:
    _chart(tmp_path / "inner", "inner")
    _chart(tmp_path / "toolkit", "toolkit", _depends_on("inner", "file://../inner"))
    chart = _chart(tmp_path / "a", extra=_depends_on("toolkit", "file://../toolkit"))
    before = _snapshot(tmp_path)
    with opened(chart) as source:
        assert source.folder != chart
        assert (source.folder / "charts/toolkit/charts/inner/Chart.yaml").is_file()
    assert _snapshot(tmp_path) == before


def test_a_file_in_place_of_a_link_to_the_dependency_is_replaced_in_the_copy(tmp_path: Path) -> None:
    _chart(tmp_path / "toolkit", "toolkit")
    chart = _chart(tmp_path / "a", extra=_depends_on("toolkit", "file://../toolkit"))
    (chart / "charts").mkdir()
    (chart / "charts/toolkit").write_text("../../toolkit")
    with opened(chart) as source:
        assert (source.folder / "charts/toolkit/Chart.yaml").is_file()
    assert (chart / "charts/toolkit").read_text() == "../../toolkit"


def test_a_dependency_outside_the_tree_is_refused(tmp_path: Path) -> None:
    _chart(tmp_path / "outside", "toolkit")
    chart = _chart(tmp_path / "tree/a", extra=_depends_on("toolkit", "file://../../outside"))
    with pytest.raises(SuiteError, match="outside"), opened(chart):
        pass


def test_a_missing_remote_dependency_names_the_command_that_fetches_it(tmp_path: Path) -> None:
    chart = _chart(tmp_path / "a", extra=_depends_on("toolkit", "https://charts.example.com"))
    with pytest.raises(SuiteError) as caught, opened(chart):
        pass
    assert caught.value.fix == f"helm dependency build {chart}"


@pytest.mark.parametrize(
    ("content", "message"),
    [("name: [\n", "parse"), ("version: 1.0.0\n", "name"), ("name: a\ndependencies: x\n", "list")],
)
def test_a_broken_chart_yaml_is_an_error_that_names_it(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "Chart.yaml").write_text(content)
    with pytest.raises(SuiteError, match=message), opened(tmp_path):
        pass


def test_charts_are_found_at_any_depth_but_not_inside_a_chart(tmp_path: Path) -> None:
    outer = _chart(tmp_path / "x/y/a")
    _chart(outer / "charts/b", "b")
    other = _chart(tmp_path / "z", "z")
    _chart(tmp_path / ".hidden", "hidden")
    assert find_charts(tmp_path) == [outer, other]
