"""Fixtures of the tests of the static engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def no_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """The suite must write nothing to the cache folder of its user."""
    cache = tmp_path.parent / f"{tmp_path.name}-cache"
    monkeypatch.setenv("OSH_CONFORMANCE_CACHE", str(cache))
    yield
    assert not cache.exists()
