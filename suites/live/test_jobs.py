"""Jobs: they wait for what they depend on, and do their work by the word of the servers they work on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from osh_conformance.plugin.outcome import hold

if TYPE_CHECKING:
    from osh_conformance.model.finding import Verdict


@pytest.mark.live_rules("JOB-1")
def test_work_done(live_verdict: Verdict) -> None:
    """Database, account, schema, users, services and endpoints are there."""
    hold(live_verdict)


@pytest.mark.live_rules("DEP-1")
def test_dependency_wait(live_verdict: Verdict) -> None:
    """Pods stay in Init while their database cannot be reached."""
    hold(live_verdict)
