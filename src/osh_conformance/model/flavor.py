"""A family of images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Flavor:
    """Images that are built one way: a file of `data/flavors/`.

    `images` holds a reference by image key or standard function, `services` one by chart for all of its other keys.
    `values` are what a chart must be told to run on them. Without any reference it is the chart's own (`shipped`).
    """

    name: str
    summary: str
    images: Mapping[str, str] = field(default_factory=dict)
    services: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
