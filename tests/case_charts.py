"""The charts of `tests/cases`: `cases/<rule>/<case>` break that rule, `cases/clean/<name>` break none."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.paths import CASES

if TYPE_CHECKING:
    from pathlib import Path


def case(name: str) -> Path:
    """Return the folder of a case by its chart's name: `ref-2-latest` lies in `ref-2/latest`."""
    found = re.fullmatch(r"(clean|[a-z]+-[0-9]+)-(.+)", name)
    if found is None:
        raise ValueError(f"{name} is no name of a case")
    return CASES / found[1] / found[2]
