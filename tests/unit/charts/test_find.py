"""Which charts a PATH stands for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from osh_conformance.charts.find import find_targets

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHART = "apiVersion: v2\nname: {name}\nversion: 1.0.0\n"


def _chart(folder: Path, name: str = "") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "Chart.yaml").write_text(_CHART.format(name=name or folder.name))
    (folder / "values.yaml").write_text("images: {}\n")
    (folder / "templates").mkdir()
    (folder / "templates" / "pod.yaml").write_text("")
    return folder


def _override(tree: Path, chart: str) -> Path:
    file = tree / "values_overrides" / chart / "release.yaml"
    file.parent.mkdir(parents=True)
    file.write_text("images: {}\n")
    return file


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git work tree with two charts, in which the shell is."""
    (tmp_path / ".git").mkdir()
    _chart(tmp_path / "api")
    _chart(tmp_path / "web")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("tree")
@pytest.mark.parametrize("file", ["Chart.yaml", "values.yaml", "templates/pod.yaml"])
def test_a_file_of_a_chart_stands_for_the_chart(file: str) -> None:
    (target,) = find_targets([Path("api", file)])
    assert (target.name, target.path, target.folder, target.error) == ("api", Path("api"), "api/", None)


@pytest.mark.usefixtures("tree")
def test_several_files_of_one_chart_are_one_target() -> None:
    found = find_targets([Path("api/values.yaml"), Path("web/Chart.yaml"), Path("api/templates/pod.yaml"), Path("api")])
    assert [target.name for target in found] == ["api", "web"]


def test_an_absolute_file_gives_an_absolute_chart(tree: Path) -> None:
    assert [target.path for target in find_targets([tree / "api" / "values.yaml"])] == [tree / "api"]


def test_a_file_of_a_chart_is_found_from_inside_the_chart(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tree / "api" / "templates")
    assert [target.path for target in find_targets([Path("pod.yaml"), Path("../values.yaml")])] == [Path("..")]


def test_a_file_of_a_subchart_stands_for_the_chart_that_brings_it(tree: Path) -> None:
    _chart(tree / "api" / "charts" / "inner")
    assert [target.name for target in find_targets([Path("api/charts/inner/values.yaml")])] == ["api"]


def test_a_chart_in_a_folder_of_charts_stands_for_itself(tree: Path) -> None:
    _chart(tree / "charts" / "inner")
    assert [target.name for target in find_targets([Path("charts/inner/values.yaml")])] == ["inner"]


def test_a_values_override_beside_the_charts_stands_for_its_chart(tree: Path) -> None:
    file = _override(tree, "api")
    found = find_targets([file.relative_to(tree)])
    assert [(target.name, target.path) for target in found] == [("api", Path("api"))]


def test_a_values_override_of_no_chart_is_an_error(tree: Path) -> None:
    (target,) = find_targets([_override(tree, "apo").relative_to(tree)])
    assert str(target.error).startswith("values_overrides/apo/release.yaml lies in no chart\n")


def test_a_file_outside_of_charts_is_an_error_of_its_own(tree: Path) -> None:
    (tree / "README.md").write_text("text\n")
    readme, api = find_targets([Path("README.md"), Path("api")])
    assert str(readme.error).startswith("README.md lies in no chart\n")
    assert api.error is None


def test_the_search_for_a_chart_ends_at_the_repository(tree: Path) -> None:
    inner = tree / "api" / "docs"
    (inner / ".git").mkdir(parents=True)
    (inner / "page.md").write_text("")
    (target,) = find_targets([Path("api/docs/page.md")])
    assert target.error is not None


def test_an_archive_by_any_name_is_a_packaged_chart(tree: Path) -> None:
    (tree / "api" / "inner").write_bytes(b"\x1f\x8b")
    (tree / "api" / "inner.tgz").write_bytes(b"text")
    assert [target.path.name for target in find_targets([Path("api/inner"), Path("api/inner.tgz")])] == [
        "inner",
        "inner.tgz",
    ]


def test_a_device_is_no_chart() -> None:
    (target,) = find_targets([Path("/dev/null")])
    assert str(target.error).startswith("/dev/null is neither a file nor a folder\n")


def test_a_folder_that_cannot_be_read_does_not_stop_its_neighbours(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tree / "locked").mkdir()
    real = Path.iterdir

    def iterdir(folder: Path) -> Iterator[Path]:
        if folder.name == "locked":
            raise PermissionError(13, "Permission denied", str(folder))
        return real(folder)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    found = find_targets([tree])
    assert {target.name: str(target.error or "") for target in found} == {
        "api": "",
        "web": "",
        "locked": f"{tree}/locked: cannot be read: Permission denied",
    }
