"""The pull policy: declared once, used by all containers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from osh_conformance.plugin.outcome import hold

if TYPE_CHECKING:
    from osh_conformance.model.finding import Verdict


@pytest.mark.rules("PP-1", "PP-2")
def test_pull_policy(verdict: Verdict) -> None:
    """Every container has the one declared policy."""
    hold(verdict)
