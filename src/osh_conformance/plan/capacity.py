"""How many cell runs this machine can run at a time."""

from __future__ import annotations

import os
import re
from pathlib import Path

_CELL_BYTES = 1 << 30
_LEFT_BYTES = 3 << 30
#: A cell run mostly waits for pods and for helm; beyond this number they wait for each other.
_PER_CORE = 1.5
_MEMORY = Path("/proc/meminfo")


def carried() -> int:
    """Return the number of cell runs at a time that cores and memory allow, at least one."""
    cores = len(os.sched_getaffinity(0))
    return max(1, min(round(cores * _PER_CORE), (_available() - _LEFT_BYTES) // _CELL_BYTES))


def _available() -> int:
    """Return the bytes that programs can use, the page cache included; `sysconf` does not count it as free."""
    found = re.search(r"^MemAvailable: +(\d+) kB", _MEMORY.read_text(), re.MULTILINE) if _MEMORY.exists() else None
    return int(found[1]) << 10 if found else os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
