"""Images: their references, and the images section that decides them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from osh_conformance.plugin.outcome import hold

if TYPE_CHECKING:
    from osh_conformance.model.finding import Verdict


@pytest.mark.rules("REF-1", "REF-2", "REF-3", "REF-4")
def test_image_references(verdict: Verdict) -> None:
    """Every reference is fully spelled out and pinned."""
    hold(verdict)


@pytest.mark.rules("KEY-1", "KEY-2", "KEY-3", "KEY-4")
def test_images_section(verdict: Verdict) -> None:
    """An operator can override every image by the key of its own function."""
    hold(verdict)
