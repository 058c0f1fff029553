"""The matrix: each cell has its packaging format and runtime, and behaves as the chart's other cells do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from osh_conformance.plugin.outcome import hold

if TYPE_CHECKING:
    from osh_conformance.model.finding import Verdict


def test_cell_has_its_format_and_runtime(proof: str, request: pytest.FixtureRequest) -> None:
    """The images came in the cell's packaging format, and its pods ran under its container runtime."""
    # What `record_property` does, without its warning of families that do not know it.
    request.node.user_properties.append(("proof", proof))


@pytest.mark.live_rules("FLAV-1")
def test_all_cells_behave_alike(live_verdict: Verdict) -> None:
    """Jobs, databases, accounts, service catalog, token and uninstall are the same in every cell."""
    hold(live_verdict)


@pytest.mark.live_rules("TEST-1")
def test_chart_tests_pass(live_verdict: Verdict) -> None:
    """The chart's own tests pass in the cell."""
    hold(live_verdict)
