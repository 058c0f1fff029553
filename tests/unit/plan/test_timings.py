"""How long a run will take: from past runs on this machine, and from the cells that it can run at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from osh_conformance import host
from osh_conformance.folders import Folders
from osh_conformance.plan import capacity, timings
from tests.unit.plan.planned import plan, planned

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(cache=tmp_path / "cache", state=tmp_path / "state")


def test_timings_are_read_with_the_newest_last(folders: Folders) -> None:
    timings.note(folders, {"a": 10.04, "b": 1})
    timings.note(folders, {"a": 20})
    assert timings.read(folders) == {"a": [10.0, 20.0], "b": [1.0]}


def test_only_the_last_timings_are_kept(folders: Folders) -> None:
    for seconds in range(1, 9):
        timings.note(folders, {"a": seconds})
    assert timings.read(folders) == {"a": [4.0, 5.0, 6.0, 7.0, 8.0]}


def test_a_machine_without_runs_has_no_timings(folders: Folders) -> None:
    timings.note(folders, {})
    assert timings.read(folders) == {}
    assert not folders.state.exists()


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"a": 3}', '{"a": ["x"]}', "\0\xff"])
def test_a_malformed_timings_file_is_ignored_and_replaced(folders: Folders, content: str) -> None:
    folders.state.mkdir()
    (folders.state / "timings.json").write_text(content)
    assert timings.read(folders) == {}
    timings.note(folders, {"a": 1})
    assert timings.read(folders) == {"a": [1.0]}


def test_the_estimate_of_a_cell_is_its_median() -> None:
    assert timings.expected({"a": [10.0, 90.0, 12.0]}, "a", ["b"]) == (12.0, True)


def test_the_estimate_of_a_new_cell_is_that_of_similar_cells() -> None:
    assert timings.expected({"b": [10.0], "c": [30.0], "d": [20.0]}, "a", ["a", "b", "c", "d"]) == (20.0, False)


def test_an_estimate_without_timings_is_marked_as_a_guess() -> None:
    seconds, measured = timings.expected({}, "a", ["b"])
    assert seconds > 0
    assert not measured


def test_a_machine_carries_at_least_one_cell() -> None:
    assert capacity.carried() >= 1


def test_a_machine_without_free_memory_carries_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "available_memory", lambda: 100 << 20)
    assert capacity.carried() == 1


def test_a_machine_with_memory_carries_more_cells_than_it_has_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "available_memory", lambda: 60 << 30)
    monkeypatch.setattr(host, "cores", lambda: 4)
    assert capacity.carried() == 6


def test_cells_side_by_side_take_less_and_never_less_than_the_longest() -> None:
    alone = plan(*[planned("a", 60.0)] * 4).seconds
    assert plan(*[planned("a", 60.0)] * 4, parallel=2).seconds == alone - 120.0
    assert plan(*[planned("a", 60.0)] * 4, parallel=9).seconds == alone - 180.0


def test_an_empty_plan_takes_no_time() -> None:
    assert plan().seconds == 0.0
