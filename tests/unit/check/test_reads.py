"""A run opens each chart once."""

from __future__ import annotations

import shutil
import tarfile
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from osh_conformance.charts import files, source
from osh_conformance.cli import main
from tests.case_charts import case

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each chart is read, by its path."""
    found: Counter[str] = Counter()
    folder, archive = files.read_folder, files.read_archive

    def read_folder(path: Path, allowed: Sequence[Path]) -> dict[str, bytes]:
        found[str(path.resolve())] += 1
        return folder(path, allowed)

    def read_archive(path: Path) -> dict[str, bytes]:
        found[str(path.resolve())] += 1
        return archive(path)

    monkeypatch.setattr(source, "read_folder", read_folder)
    monkeypatch.setattr(source, "read_archive", read_archive)
    return found


def test_check_reads_each_chart_once(tmp_path: Path, reads: Counter[str]) -> None:
    for name in ("flat", "tags"):
        shutil.copytree(case(f"clean-{name}"), tmp_path / name)
    values = tmp_path / "flat" / "values.yaml"
    values.write_text(values.read_text() + "# osh-conformance: ignore REF-1 vendor\n")
    with tarfile.open(tmp_path / "packed-1.0.0.tgz", "w:gz") as tar:
        tar.add(case("ref-2-latest"), "ref-2-latest")
    assert main(["check", str(tmp_path), str(tmp_path / "flat")]) == 1
    assert reads == {str(entry): 1 for entry in tmp_path.iterdir()}


def test_check_reads_a_dependency_once_for_all_charts_that_have_it(tmp_path: Path, reads: Counter[str]) -> None:
    library = tmp_path / "library"
    library.mkdir()
    (library / "Chart.yaml").write_text("apiVersion: v2\nname: library\nversion: 1.0.0\ntype: library\n")
    dependency = "dependencies:\n- {name: library, version: 1.0.0, repository: file://../library}\n"
    for name in ("flat", "tags"):
        chart = shutil.copytree(case(f"clean-{name}"), tmp_path / name)
        (chart / "Chart.yaml").write_text((chart / "Chart.yaml").read_text() + dependency)
    assert main(["check", str(tmp_path), "--select", "REF-1,REF-2"]) == 0
    assert reads == {str(tmp_path / name): 1 for name in ("library", "flat", "tags")}


def test_a_chart_that_is_done_is_forgotten_unless_others_depend_on_it(tmp_path: Path, reads: Counter[str]) -> None:
    dependency = "dependencies:\n- {name: flat, version: '*', repository: file://../flat}\n"
    for name in ("flat", "tags"):
        shutil.copytree(case(f"clean-{name}"), tmp_path / name)
    chart = tmp_path / "tags" / "Chart.yaml"
    chart.write_text(chart.read_text() + dependency)
    reader = source.Reader()
    for name in ("tags", "flat", "tags", "flat"):
        reader.read(tmp_path / name, tmp_path)
        reader.forget(tmp_path / name, tmp_path)
    assert reads == {str(tmp_path / "tags"): 2, str(tmp_path / "flat"): 1}
