"""Every registered static rule that no other module of this suite names, those of other distributions included."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from osh_conformance.plugin.outcome import hold

if TYPE_CHECKING:
    from osh_conformance.model.finding import Verdict


@pytest.mark.rules("*")
def test_other_rules(verdict: Verdict) -> None:
    """The chart keeps the rule."""
    hold(verdict)
