"""What JUnit XML says of a cell run beside its verdicts."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

from osh_conformance.live.cell import CellResult
from osh_conformance.model.reduction import Reduction
from osh_conformance.plugin.live import properties_of
from tests.unit.observations import observation

_FLAVOR = SimpleNamespace(name="client", shipped=False)


def _run(reduction: Reduction | None) -> Any:
    return cast("Any", SimpleNamespace(reduction=reduction, axes=SimpleNamespace(flavor=_FLAVOR)))


def test_a_cell_run_says_what_its_uninstalls_did_and_what_was_reduced() -> None:
    result = CellResult(observation=observation(), verdicts={})
    removed, reduced = properties_of(_run(Reduction(values={}, anchors=())), result)
    assert removed == ("removed", "dropped: database keystone; account keystone@% (1 table, 2 rows)")
    assert reduced[1].endswith("the images are those of flavor client, not the chart's own")


def test_a_cell_run_without_an_uninstall_says_nothing() -> None:
    result = CellResult(observation=replace(observation(), removals=()), verdicts={})
    assert properties_of(_run(None), result) == []
