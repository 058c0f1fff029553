"""Fixtures of all unit tests."""

from __future__ import annotations

import pytest

from osh_conformance.provision import scratch


@pytest.fixture(autouse=True)
def _temporary_files_are_pytests(monkeypatch: pytest.MonkeyPatch) -> None:
    """`main` is called in this process, whose temporary files are not those of a run."""
    monkeypatch.setattr(scratch, "hold_temporary_files", lambda _parent: None)
