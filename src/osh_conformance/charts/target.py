"""A chart that a run checks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from osh_conformance.errors import SuiteError


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartTarget:
    """A chart to judge. `label` is unique in the run, `folder` is relative to the PATH argument `root` ("" or "x/").

    `error` says why there is no chart to judge.
    """

    name: str
    label: str
    path: Path
    root: Path | None = None
    folder: str = ""
    error: SuiteError | None = None
