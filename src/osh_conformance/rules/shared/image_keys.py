"""The standard function that a container performs, by its image key, its name and its program."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

from osh_conformance.manifests.vocabulary import words
from osh_conformance.model.chart import Role

if TYPE_CHECKING:
    from collections.abc import Mapping

    from osh_conformance.model.chart import Container, RenderedChart


def by_key(chart: RenderedChart, key: str) -> str:
    """Return the function of an image key: a standard one, or the one in its name, or ""."""
    return chart.functions.get(key) or single(in_name(key))


def by_appearance(container: Container, entry: Mapping[str, object]) -> str:
    """Return the function in a container's program, its name or (not for init containers) its Job's name, or ""."""
    found = _by_program(entry) or single(in_name(container.name))
    if not found and container.kind == "Job" and container.role is not Role.INIT:
        found = single(in_name(container.workload_name))
    return found


def performs(chart: RenderedChart, container: Container, entry: Mapping[str, object], function: str) -> bool:
    """Whether a container performs a standard function, by its appearance or, if that shows none, by its key."""
    return (by_appearance(container, entry) or by_key(chart, container.key or "")) == function


@functools.cache
def in_name(name: str) -> frozenset[str]:
    """Return the functions that a name contains, as whole words."""
    text = name.lower().replace("_", "-")
    if re.search(r"(?<![a-z0-9])wait(?![a-z0-9])", text):
        return frozenset()  # `wait-for-db-sync` performs no db_sync
    return frozenset(
        function
        for function, names in words("functions")["names"].items()
        if any(re.search(rf"(?<![a-z0-9]){word}(?![a-z0-9])", text) for word in names)
    )


def single(found: frozenset[str]) -> str:
    """Return the one function that was found, "" if there are none or several."""
    return next(iter(found)) if len(found) == 1 else ""


def _by_program(entry: Mapping[str, object]) -> str:
    command = entry.get("command")
    first = str(command[0]).rpartition("/")[2] if isinstance(command, list) and command else ""
    return next((name for name, programs in words("functions")["programs"].items() if first in programs), "")
