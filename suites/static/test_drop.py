"""The drop Job: that there is a switch for it, that it can do its work, and how Helm runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from osh_conformance.plugin.outcome import hold

if TYPE_CHECKING:
    from osh_conformance.model.finding import Verdict


@pytest.mark.rules("DROP-1", "DROP-2", "DROP-3")
def test_drop_job(verdict: Verdict) -> None:
    """What db_init creates can be dropped with the release, all of it."""
    hold(verdict)


@pytest.mark.rules("HOOK-1", "HOOK-2")
def test_drop_hook(verdict: Verdict) -> None:
    """The Job runs before anything is deleted, ends in time, and can be tried again."""
    hold(verdict)
