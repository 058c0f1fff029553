"""This machine: its processors, its memory, and whether the suite supports it."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import time
from pathlib import Path

_MEMORY = Path("/proc/meminfo")
_PAGES = ("SC_AVPHYS_PAGES", "SC_PHYS_PAGES")
_TESTED = ("x86_64", "amd64")
#: How users call the systems that Python calls otherwise.
_NAMES = {"Darwin": "macOS"}


def cores() -> int:
    """Return the number of processors that this process may use, at least one."""
    # Only Linux lets a process be bound to some of them.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def available_memory() -> int:
    """Return the bytes that programs can use, the page cache included; 0 if the system does not say."""
    # `sysconf` does not count the page cache as free.
    with contextlib.suppress(OSError):
        if found := re.search(r"^MemAvailable: +(\d+) kB", _MEMORY.read_text(), re.MULTILINE):
            return int(found[1]) << 10
    # macOS knows the size of its memory, and not how much of it is free.
    pages = next((os.sysconf(name) for name in _PAGES if name in os.sysconf_names), 0)
    return os.sysconf("SC_PAGE_SIZE") * pages


def describe() -> str:
    """Return the name of the system and of the processor, and how far the suite supports them."""
    system, machine = platform.system(), platform.machine()
    name = f"{_NAMES.get(system, system)} {machine}"
    if live_problems():
        return f"{name} (not supported for live runs)"
    return name if machine.lower() in _TESTED else f"{name} (untested)"


def live_problems() -> tuple[str, ...]:
    """Return why no live run is possible on this system; empty if one is."""
    system = platform.system()
    if system == "Linux":
        return ()
    return (f"A live run needs Linux, and this is {_NAMES.get(system, system)}.",)


def process_seconds() -> float:
    """Return how long this process has been running, 0 where the system does not say."""
    with contextlib.suppress(OSError, ValueError, IndexError, AttributeError):
        ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
        return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK"))
    return 0.0
