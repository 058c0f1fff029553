"""Jobs: they wait for their dependencies, and the servers show that they did their work."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from osh_conformance.plugin.outcome import hold

if TYPE_CHECKING:
    from osh_conformance.model.finding import Verdict


@pytest.mark.live_rules("JOB-1")
def test_jobs_have_done_their_work(live_verdict: Verdict) -> None:
    """Database, account, schema, users, services and endpoints exist."""
    hold(live_verdict)


@pytest.mark.live_rules("DEP-1")
def test_pods_wait_for_their_dependencies(live_verdict: Verdict) -> None:
    """Pods stay in Init while their database is unreachable."""
    hold(live_verdict)
