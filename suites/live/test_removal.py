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


@pytest.mark.live_rules("DROP-5")
def test_idempotence(live_verdict: Verdict) -> None:
    """Dropped whatever is gone already, was never ready, or was switched by an upgrade."""
    hold(live_verdict)


@pytest.mark.live_rules("DROP-6")
def test_recovery(live_verdict: Verdict) -> None:
    """A failure is honest and harmless, and once repaired the uninstall succeeds."""
    hold(live_verdict)


@pytest.mark.live_rules("DROP-7")
def test_hardship(live_verdict: Verdict) -> None:
    """Dropped with any names, under open sessions, with TLS, and on a server that is busy."""
    hold(live_verdict)


@pytest.mark.live_rules("LIFE-2")
def test_growth(live_verdict: Verdict) -> None:
    """Gone through again and again, it leaves no more each time."""
    hold(live_verdict)


@pytest.mark.live_rules("LIFE-1")
def test_next_life(live_verdict: Verdict) -> None:
    """Installed again or upgraded, it migrates and starts as at first."""
    hold(live_verdict)
