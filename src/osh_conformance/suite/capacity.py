"""How many cells at a time this machine carries."""

from __future__ import annotations

import os

_CELL_BYTES = 1 << 30
_LEFT_BYTES = 3 << 30
#: A cell mostly waits, for pods and for helm; beyond this they only wait for each other.
_PER_CORE = 1.5


def carried() -> int:
    """Cells at a time: what cores and memory allow, at least one."""
    cores = len(os.sched_getaffinity(0))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
    return max(1, min(round(cores * _PER_CORE), (memory - _LEFT_BYTES) // _CELL_BYTES))
