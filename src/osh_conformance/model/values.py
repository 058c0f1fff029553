"""A place in values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def at(values: Mapping[str, Any], path: str) -> Any:
    """Return the value at the dotted `path`, None if there is none."""
    here: Any = values
    for part in path.split("."):
        if not isinstance(here, dict):
            return None
        here = here.get(part)
    return here
