"""The drop Job: its switch, its inputs, and the way Helm runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from osh_conformance.plugin.outcome import hold

if TYPE_CHECKING:
    from osh_conformance.model.finding import Verdict


@pytest.mark.rules("DROP-1", "DROP-2", "DROP-3")
def test_drop_job(verdict: Verdict) -> None:
    """The release drops every database that db_init creates, if its switch is on."""
    hold(verdict)


@pytest.mark.rules("HOOK-1", "HOOK-2")
def test_drop_hook(verdict: Verdict) -> None:
    """The Job runs before anything is deleted, ends in time, and can be retried."""
    hold(verdict)
