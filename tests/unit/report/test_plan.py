"""The printed plan of a run."""

from __future__ import annotations

from osh_conformance.model.matrix import Cell
from osh_conformance.plan.cells import LeftOut
from osh_conformance.plan.estimate import NeededImage
from osh_conformance.report import plan as report
from tests.unit.plan.planned import plan, planned


def test_a_plan_is_a_table_with_aligned_columns() -> None:
    text = report.text(plan(planned("loci", 60.0), planned("distribution", 7.0, measured=False)))
    head, *rows = text.splitlines()[:3]
    place = head.index(" time ") + 1
    assert [row[place:].split()[0] for row in rows] == ["60", "~7"]
    assert [row.split()[1] for row in rows] == ["loci", "distribution"]


def test_only_a_guess_is_marked_and_explained() -> None:
    assert "~" not in report.text(plan(planned("loci", 60.0)))
    assert "\n~ " in report.text(plan(planned("loci", 60.0, measured=False)))


def test_a_plan_lists_left_out_cells_with_their_reason() -> None:
    cell = Cell(chart="keystone", path="charts/keystone", flavor="shipped", runtime="cri-o")
    text = report.text(plan(planned("loci", 1.0), left_out=(LeftOut(cell=cell, reason="needs CRI-O"),)))
    assert any(line.split()[-2:] == ["needs", "CRI-O"] for line in text.splitlines())


def test_a_plan_lists_missing_images_with_their_cost() -> None:
    needed = (
        NeededImage(reference="docker.io/x/y:1", origin="built", minutes=3.0),
        NeededImage(reference="docker.io/x/z:1", origin="published", minutes=None),
    )
    text = report.text(plan(planned("loci", 1.0), needed=needed))
    built, pulled = (next(line for line in text.splitlines() if name in line) for name in ("x/y:1", "x/z:1"))
    assert "3 min" in built
    assert "min" not in pulled
    assert text.count("3 min") == 2


def test_an_empty_plan_says_that_nothing_runs() -> None:
    assert report.text(plan()).startswith("nothing to run")
