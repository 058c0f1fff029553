"""Scripts: applied by Kubernetes, in any image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from osh_conformance.plugin.outcome import hold

if TYPE_CHECKING:
    from osh_conformance.model.finding import Verdict


@pytest.mark.rules("SCRIPT-1", "SCRIPT-2")
def test_scripts(verdict: Verdict) -> None:
    """No script needs anything that only some images have."""
    hold(verdict)
