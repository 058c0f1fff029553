"""Removal: what is left on the database server when the Helm release is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from osh_conformance.plugin.outcome import hold

if TYPE_CHECKING:
    from osh_conformance.model.finding import Verdict


@pytest.mark.live_rules("DROP-4")
def test_database_removal(live_verdict: Verdict) -> None:
    """Dropped where the switch is on, kept row for row where it is off, and nothing else touched."""
    hold(live_verdict)
