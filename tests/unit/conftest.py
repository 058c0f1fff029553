"""Fixtures of all unit tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from osh_conformance.provision import scratch
from tests.unit.registry.fake import FakeRegistry, serving

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _temporary_files_are_pytests(monkeypatch: pytest.MonkeyPatch) -> None:
    """`main` is called in this process, whose temporary files are not those of a run."""
    monkeypatch.setattr(scratch, "hold_temporary_files", lambda _parent: None)


@pytest.fixture
def fake_registry() -> Iterator[FakeRegistry]:
    """An empty container registry on this machine."""
    with serving() as server:
        yield server
