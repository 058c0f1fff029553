"""How many cell runs this machine can run at a time."""

from __future__ import annotations

from osh_conformance import host

_CELL_BYTES = 1 << 30
_LEFT_BYTES = 3 << 30
#: A cell run mostly waits for pods and for helm; beyond this number they wait for each other.
_PER_CORE = 1.5


def carried() -> int:
    """Return the number of cell runs at a time that cores and memory allow, at least one."""
    return max(1, min(round(host.cores() * _PER_CORE), (host.available_memory() - _LEFT_BYTES) // _CELL_BYTES))
