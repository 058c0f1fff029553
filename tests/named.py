"""Tests that need more than Python: they run only where the command line names their folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


def is_named(folder: Path, config: pytest.Config) -> bool:
    """Whether the command line names a folder, or something in it."""
    places = [Path(str(argument).split("::")[0]).resolve() for argument in config.args]
    return any(place.is_relative_to(folder) for place in places)


def leave_out_unless_named(folder: Path, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Remove the tests of a folder from `items`, unless the command line names it."""
    if is_named(folder, config):
        return
    left_out = [item for item in items if item.path.is_relative_to(folder)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
