"""A dependency that is not in `charts/` comes from the same tree, in a version that fits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from osh_conformance.charts.source import Reader
from osh_conformance.errors import SuiteError

if TYPE_CHECKING:
    from pathlib import Path


def _chart(folder: Path, name: str, version: str = "1.0.0", needs: str = "") -> Path:
    folder.mkdir(parents=True)
    (folder / "Chart.yaml").write_text(f"apiVersion: v2\nname: {name}\nversion: {version}\n")
    if needs:
        with (folder / "Chart.yaml").open("a") as file:
            file.write(f"dependencies: [{needs}]\n")
    return folder


def test_a_dependency_that_fits_is_used_with_a_notice(tmp_path: Path) -> None:
    app = _chart(tmp_path / "tree" / "apps" / "app", "app", needs="{name: db, version: 2.x.x, repository: 'oci://a'}")
    _chart(tmp_path / "tree" / "libraries" / "database", "db", "2.4.1")
    _chart(tmp_path / "tree" / "old" / "db", "db", "1.9.0")
    files = Reader().read(app, tmp_path / "tree")
    assert "charts/db/Chart.yaml" in files.files
    assert files.notices == ("the dependency db 2.4.1 comes from ../../libraries/database",)
    assert files.elsewhere == {"charts/db": "../../libraries/database"}


def test_a_chart_of_helm_2_finds_its_library_in_its_tree(tmp_path: Path) -> None:
    app = _chart(tmp_path / "app", "app")
    (app / "requirements.yaml").write_text(
        "dependencies:\n  - {name: toolkit, version: 0.1.0, repository: http://localhost:8879/charts}\n"
    )
    _chart(tmp_path / "toolkit", "toolkit", "0.1.0")
    assert "charts/toolkit/Chart.yaml" in Reader().read(app).files


def test_no_fitting_version_is_an_error_that_names_what_there_is(tmp_path: Path) -> None:
    app = _chart(tmp_path / "app", "app", needs="{name: db, version: ^3.1.0, repository: 'https://a'}")
    _chart(tmp_path / "db", "db", "2.4.1")
    with pytest.raises(SuiteError, match=r"db.* 2\.4\.1") as caught:
        Reader().read(app, tmp_path)
    assert "^3.1.0" in caught.value.expected


def test_a_cycle_through_the_tree_is_an_error(tmp_path: Path) -> None:
    one = _chart(tmp_path / "one", "one", needs="{name: two, version: '*', repository: 'https://a'}")
    _chart(tmp_path / "two", "two", needs="{name: one, version: '*', repository: 'https://a'}")
    with pytest.raises(SuiteError, match="depends on itself: one -> two -> one"):
        Reader().read(one, tmp_path)


def test_a_dependency_under_two_aliases_is_there_once(tmp_path: Path) -> None:
    needs = ", ".join(f"{{name: db, alias: {alias}, version: '1', repository: 'https://a'}}" for alias in ("a", "b"))
    app = _chart(tmp_path / "app", "app", needs=needs)
    _chart(tmp_path / "db", "db")
    files = Reader().read(app, tmp_path)
    assert [path for path in files.files if path.endswith("Chart.yaml")] == ["Chart.yaml", "charts/db/Chart.yaml"]


def test_a_library_that_a_dependency_has_too_is_there_for_both(tmp_path: Path) -> None:
    library = "{name: common, version: '*', repository: 'https://a'}"
    app = _chart(tmp_path / "app", "app", needs=f"{{name: db, version: '*', repository: 'https://a'}}, {library}")
    _chart(tmp_path / "db", "db", needs=library)
    _chart(tmp_path / "common", "common")
    files = Reader().read(app, tmp_path).files
    assert {"charts/common/Chart.yaml", "charts/db/charts/common/Chart.yaml"} <= files.keys()


def test_a_chart_outside_of_the_tree_is_not_used(tmp_path: Path) -> None:
    app = _chart(tmp_path / "work" / "tree" / "app", "app", needs="{name: db, version: '*', repository: 'https://a'}")
    _chart(tmp_path / "db", "db")
    with pytest.raises(SuiteError, match="not in charts/"):
        Reader().read(app, tmp_path / "work" / "tree")


def test_the_tree_is_looked_through_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[Path] = []

    def paths(tree: Path) -> list[Path]:
        looked.append(tree)
        return [tmp_path / "db"]

    monkeypatch.setattr("osh_conformance.charts.siblings._paths", paths)
    _chart(tmp_path / "db", "db")
    reader = Reader()
    for name in ("a", "b", "c"):
        needs = "{name: db, version: '*', repository: 'https://a'}"
        assert reader.read(_chart(tmp_path / name, name, needs=needs), tmp_path).notices
    assert looked == [tmp_path]
