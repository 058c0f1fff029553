"""`check --flavor` and `--overrides`: values of operators, checked with the chart."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from osh_conformance.cli import main
from tests.case_charts import case
from tests.paths import KEYSTONE, ROOT

if TYPE_CHECKING:
    from pathlib import Path

_WRONG = "images:\n  tags:\n    no_such_key: docker.io/example/x:1.0.0\n"


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    return shutil.copytree(case("clean-tags"), tmp_path / "charts" / "clean-tags")


def _written(file: Path, text: str = _WRONG) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def test_a_flavor_replaces_the_images_of_the_chart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flavor = "name: mine\nsummary: mine\nservices:\n  keystone: docker.io/example/keystone:latest\n"
    file = str(_written(tmp_path / "mine.yaml", flavor))
    assert main(["check", str(KEYSTONE), "--select", "REF-2", "--flavor-file", file]) == 1
    out = capsys.readouterr().out
    assert "values.yaml  images." in out
    assert "docker.io/example/keystone:latest" in out
    assert f"--flavor-file {file} --select REF-2" in out
    assert main(["check", str(KEYSTONE), "--select", "REF-2", "--flavor", "distribution"]) == 0


def test_a_flavor_without_an_image_for_a_chart_is_an_error_for_that_chart(
    chart: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["check", str(chart), str(KEYSTONE), "--select", "REF-2", "--flavor", "distribution"]
    assert main(words) == 3
    out = capsys.readouterr().out
    assert "distribution" in out
    assert "1 passed, 1 not checked" in out


@pytest.mark.parametrize("layout", ["file", "folder", "folder-of-the-chart"])
def test_overrides_from_another_folder_are_checked(
    tmp_path: Path, chart: Path, layout: str, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere = tmp_path / "elsewhere"
    where = {
        "file": _written(elsewhere / "x.yaml"),
        "folder": _written(elsewhere / "flat" / "x.yaml").parent,
        "folder-of-the-chart": _written(elsewhere / "tree" / "clean-tags" / "x.yaml").parent.parent,
    }
    assert main(["check", str(chart), "--select", "KEY-3"]) == 0
    assert main(["check", str(chart), "--select", "KEY-3", "--overrides", str(where[layout])]) == 1
    out = capsys.readouterr().out
    assert "x.yaml:3  images.tags.no_such_key" in out
    assert f"--overrides {where[layout]} --select KEY-3" in out


def test_a_folder_of_overrides_gives_each_chart_its_own(tmp_path: Path, chart: Path) -> None:
    other = shutil.copytree(case("clean-flat"), tmp_path / "charts" / "clean-flat")
    _written(tmp_path / "overrides" / "unknown" / "x.yaml")
    words = ["check", str(chart.parent), "--select", "KEY-3", "--overrides", str(tmp_path / "overrides")]
    assert main(words) == 0
    _written(tmp_path / "overrides" / other.name / "x.yaml", "images:\n  no_such_key: docker.io/example/x:1.0.0\n")
    assert main(words) == 1


def test_one_file_of_overrides_for_several_charts_is_a_usage_error(
    tmp_path: Path, chart: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = _written(tmp_path / "overrides" / "x.yaml")
    for given in (file, file.parent):
        assert main(["check", str(chart), str(KEYSTONE), "--overrides", str(given)]) == 4
        err = capsys.readouterr().err
        assert f"--overrides {given}" in err
        assert "several charts" in err


def test_no_cache_keeps_nothing(chart: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = tmp_path / "cache"
    monkeypatch.setenv("OSH_CONFORMANCE_CACHE", str(cache))
    assert main(["check", str(chart), "--select", "REF-2", "--no-cache"]) == 0
    assert not cache.exists()
    assert main(["check", str(chart), "--select", "REF-2"]) == 0
    assert cache.exists()


@pytest.mark.parametrize("name", ["list-of-references", "helm-create"])
def test_a_flavor_leaves_images_alone_that_are_no_keys(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flavor = "name: mine\nsummary: mine\nservices:\n  parcel: docker.io/example/parcel:1.0.1\n"
    file = str(_written(tmp_path / "mine.yaml", flavor))
    chart = str(ROOT / "tests" / "field" / name / ("fixed" if name == "helm-create" else "chart"))
    assert main(["check", chart, "--select", "REF,KEY-1", "--flavor-file", file]) == 0
    assert "error" not in capsys.readouterr().out
