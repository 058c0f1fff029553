"""Fixtures of all unit tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from osh_conformance.charts import source
from osh_conformance.provision import scratch
from tests.unit.registry.fake import FakeRegistry, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def _temporary_files_are_pytests(monkeypatch: pytest.MonkeyPatch) -> None:
    """`main` is called in this process, whose temporary files are not those of a run."""
    monkeypatch.setattr(scratch, "hold_temporary_files", lambda _parent: None)


@pytest.fixture
def fake_registry() -> Iterator[FakeRegistry]:
    """An empty container registry on this machine."""
    with serving() as server:
        yield server


@pytest.fixture
def chart_reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the charts that were read from disk, one entry a read."""
    reads: list[str] = []

    def count(name: str) -> None:
        function = getattr(source, name)

        def read(path: Path, *arguments: object) -> object:
            reads.append(path.name)
            return function(path, *arguments)

        monkeypatch.setattr(source, name, read)

    for name in ("read_folder", "read_archive"):
        count(name)
    return reads
