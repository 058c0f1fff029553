"""The printed plan of a run."""

from __future__ import annotations

from dataclasses import replace

from osh_conformance.model.matrix import Cell
from osh_conformance.model.reduction import Reduction
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


def test_a_plan_says_what_is_reduced() -> None:
    reduction = Reduction(
        values={},
        anchors=("Job/db-init", "Job/db-drop"),
        kept={"manifests.pdb": "templates/pdb.yaml:2: does not parse"},
        left=("Job/trusts",),
        toggles=7,
    )
    lines = report.text(replace(plan(planned("client", 40.0)), reductions={"heat": reduction})).splitlines()
    first = lines.index("reduced to the Jobs that create and drop the database, and what these use:")
    assert lines[first + 1 : first + 5] == [
        "  heat: Job/db-init, Job/db-drop; 1 of 7 toggles stays on",
        "    manifests.pdb: templates/pdb.yaml:2: does not parse",
        "    installed too, and not waited for: Job/trusts",
        "",
    ]
    assert "reduced" not in report.text(plan(planned("client", 40.0)))
