"""What a reduced run leaves of a chart: the Jobs that create and drop its database, and what these use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Reduction:
    """The reduction of one chart, derived from its renderings and never from its name.

    - values: the values that switch everything else off. They go under the values that the user gives.
    - anchors: the Jobs that create and drop the database, `Kind/name`: what a rendering has only while their switch is
      on. They are what they were without the reduction, and what they use is there.
    - creators: those of the anchors that create.
    - kept: by dotted path the toggles that stay on, and why.
    - left: the other workloads, `Kind/name`, that no toggle switches off. Nobody waits for them.
    - places: the `Container.position` of each container of the creators. Names of Jobs may end in a hash of values.
    - keys: the image keys that the containers of the anchors use.
    - stubs: the image keys that only the workloads in `left` use.
    - toggles: how many toggles the chart has, without the switches of the anchors.
    """

    values: Mapping[str, Any]
    anchors: tuple[str, ...]
    creators: tuple[str, ...] = ()
    kept: Mapping[str, str] = field(default_factory=dict)
    left: tuple[str, ...] = ()
    places: tuple[tuple[str, int, str, str], ...] = ()
    keys: tuple[str, ...] = ()
    stubs: tuple[str, ...] = ()
    toggles: int = 0
