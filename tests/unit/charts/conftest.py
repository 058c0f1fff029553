"""Fixtures of the tests of charts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the suite."""
    monkeypatch.setenv("OSH_CONFORMANCE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"
