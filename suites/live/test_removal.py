"""Removal: the content of the database server after the Helm release is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from osh_conformance.plugin.outcome import hold

if TYPE_CHECKING:
    from osh_conformance.model.finding import Verdict


@pytest.mark.live_rules("DROP-4")
def test_uninstall_follows_the_drop_switch(live_verdict: Verdict) -> None:
    """The data is gone if the switch is on, intact if it is off, and all other data is untouched."""
    hold(live_verdict)


@pytest.mark.live_rules("DROP-5")
def test_drop_is_idempotent(live_verdict: Verdict) -> None:
    """The drop succeeds if data is already gone, was never ready, or an upgrade changed the switch."""
    hold(live_verdict)


@pytest.mark.live_rules("DROP-6")
def test_failed_uninstall_is_reported_and_repeatable(live_verdict: Verdict) -> None:
    """A failed uninstall reports its failure, deletes nothing else, and succeeds after the repair."""
    hold(live_verdict)


@pytest.mark.live_rules("DROP-7")
def test_drop_works_with_difficult_names_and_a_busy_server(live_verdict: Verdict) -> None:
    """The drop succeeds with any names, open sessions, TLS, and a busy server."""
    hold(live_verdict)


@pytest.mark.live_rules("LIFE-2")
def test_repeated_uninstalls_leave_nothing_more(live_verdict: Verdict) -> None:
    """Repeated installs and uninstalls leave nothing that grows."""
    hold(live_verdict)


@pytest.mark.live_rules("LIFE-1")
def test_reinstalled_release_starts_as_the_first_one(live_verdict: Verdict) -> None:
    """A release that is installed again or upgraded migrates and starts as the first one did."""
    hold(live_verdict)
