"""What a run will take: by past runs on this machine, and by what the machine carries."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from osh_conformance.folders import Folders
from osh_conformance.model.matrix import Cell
from osh_conformance.plan import capacity, timings
from osh_conformance.plan.estimate import NeededImage, PlannedCell, RunPlan
from osh_conformance.plan.cells import LeftOut
from osh_conformance.report import plan as report

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(cache=tmp_path / "cache", state=tmp_path / "state")


def test_what_was_noted_is_read_newest_last(folders: Folders) -> None:
    timings.note(folders, {"a": 10.04, "b": 1})
    timings.note(folders, {"a": 20})
    assert timings.read(folders) == {"a": [10.0, 20.0], "b": [1.0]}


def test_the_last_few_are_kept(folders: Folders) -> None:
    for seconds in range(1, 9):
        timings.note(folders, {"a": seconds})
    assert timings.read(folders) == {"a": [4.0, 5.0, 6.0, 7.0, 8.0]}


def test_where_nothing_was_run_there_is_no_file(folders: Folders) -> None:
    timings.note(folders, {})
    assert timings.read(folders) == {}
    assert not folders.state.exists()


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"a": 3}', '{"a": ["x"]}', "\0\xff"])
def test_a_file_that_cannot_be_understood_is_as_none_and_is_mended(folders: Folders, content: str) -> None:
    folders.state.mkdir()
    (folders.state / "timings.json").write_text(content)
    assert timings.read(folders) == {}
    timings.note(folders, {"a": 1})
    assert timings.read(folders) == {"a": [1.0]}


def test_a_pair_takes_what_it_mostly_took() -> None:
    assert timings.expected({"a": [10.0, 90.0, 12.0]}, "a", ["b"]) == (12.0, True)


def test_a_pair_that_was_never_run_takes_as_long_as_those_alike() -> None:
    assert timings.expected({"b": [10.0], "c": [30.0], "d": [20.0]}, "a", ["a", "b", "c", "d"]) == (20.0, False)


def test_where_nothing_is_known_a_guess_is_no_measurement() -> None:
    seconds, measured = timings.expected({}, "a", ["b"])
    assert seconds > 0
    assert not measured


def test_a_machine_carries_at_least_one_cell() -> None:
    assert capacity.carried() >= 1


def test_a_machine_without_free_memory_carries_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "meminfo"
    file.write_text("MemTotal:       16000000 kB\nMemFree:        15000000 kB\nMemAvailable:     100000 kB\n")
    monkeypatch.setattr(capacity, "_MEMORY", file)
    assert capacity.carried() == 1


def test_memory_that_only_caches_is_free(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "meminfo"
    file.write_text("MemTotal:       64000000 kB\nMemFree:          100000 kB\nMemAvailable:   60000000 kB\n")
    monkeypatch.setattr(capacity, "_MEMORY", file)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(4))
    assert capacity.carried() == 6


# -- the plan ------------------------------------------------------------------------------------------------------


def planned(flavor: str, seconds: float, *, measured: bool = True) -> PlannedCell:
    cell = Cell(chart="keystone", path="charts/keystone", flavor=flavor)
    return PlannedCell(cell=cell, scenarios=("drop-enabled",), seconds=seconds, longest=seconds, measured=measured)


def plan(*cells: PlannedCell, parallel: int = 1, left_out: tuple[LeftOut, ...] = (), **more: object) -> RunPlan:
    return RunPlan(cells=cells, left_out=left_out, needed=more.get("needed", ()), parallel=parallel)  # type: ignore[arg-type]


def test_cells_side_by_side_take_less_and_never_less_than_the_longest() -> None:
    alone = plan(*[planned("a", 60.0)] * 4).seconds
    assert plan(*[planned("a", 60.0)] * 4, parallel=2).seconds == alone - 120.0
    assert plan(*[planned("a", 60.0)] * 4, parallel=9).seconds == alone - 180.0


def test_nothing_takes_no_time() -> None:
    assert plan().seconds == 0.0
    assert report.text(plan()).startswith("nothing to run")


def test_a_plan_is_a_table_with_aligned_columns() -> None:
    text = report.text(plan(planned("loci", 60.0), planned("distribution", 7.0, measured=False)))
    head, *rows = text.splitlines()[:3]
    place = head.index(" time ") + 1
    assert [row[place:].split()[0] for row in rows] == ["60", "~7"]
    assert [row.split()[1] for row in rows] == ["loci", "distribution"]


def test_a_guess_is_marked_and_explained_and_a_measurement_is_not() -> None:
    assert "~" not in report.text(plan(planned("loci", 60.0)))
    assert "\n~ an estimate" in report.text(plan(planned("loci", 60.0, measured=False)))


def test_what_is_left_out_is_told_with_its_reason() -> None:
    cell = Cell(chart="keystone", path="charts/keystone", flavor="shipped", runtime="cri-o")
    text = report.text(plan(planned("loci", 1.0), left_out=(LeftOut(cell=cell, reason="needs CRI-O"),)))
    assert any(line.split()[-2:] == ["needs", "CRI-O"] for line in text.splitlines())


def test_images_that_are_not_here_are_told_with_what_they_cost() -> None:
    needed = (
        NeededImage(reference="docker.io/x/y:1", origin="built", minutes=3.0),
        NeededImage(reference="docker.io/x/z:1", origin="published", minutes=None),
    )
    text = report.text(plan(planned("loci", 1.0), needed=needed))
    assert "docker.io/x/y:1  built by a recipe, about 3 min" in text
    assert "docker.io/x/z:1  pulled from its registry" in text
    assert "3 min to build images first" in text
