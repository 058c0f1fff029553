"""The report of a cell: what a reduced run left out of the chart, and whose images it used."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from osh_conformance.live.cell_report import reduced_sentence
from osh_conformance.model.reduction import Reduction


def _sentence(reduction: Reduction | None, *, shipped: bool = False) -> str:
    flavor = SimpleNamespace(name="shipped" if shipped else "client", shipped=shipped)
    return reduced_sentence(cast("Any", SimpleNamespace(reduction=reduction, axes=SimpleNamespace(flavor=flavor))))


def test_a_run_of_the_whole_chart_says_nothing() -> None:
    assert _sentence(None) == ""


def test_a_reduced_run_says_whose_images_it_used() -> None:
    plain = Reduction(values={}, anchors=("Job/db-init", "Job/db-drop"), toggles=9)
    head = "reduced to the Jobs that create and drop the database, and what these use"
    assert _sentence(plain) == f"{head}; the images are those of flavor client, not the chart's own"
    assert _sentence(plain, shipped=True) == f"{head}; the images are the chart's own"


def test_a_reduced_run_names_what_it_could_not_switch_off() -> None:
    reduction = Reduction(
        values={},
        anchors=("Job/db-drop",),
        kept={"manifests.pdb": "it does not render", "manifests.api": "it does not render"},
        left=("Job/trusts",),
        toggles=9,
    )
    sentence = _sentence(reduction)
    assert "; 2 of 9 toggles stay on: manifests.pdb, manifests.api; " in sentence
    assert "; installed too, and not waited for: Job/trusts; " in sentence
