"""The standard function that a container performs, by its image key, its name and its program."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Final

from osh_conformance.manifests.vocabulary import words
from osh_conformance.model.chart import Role

if TYPE_CHECKING:
    from collections.abc import Mapping

    from osh_conformance.model.chart import Container, RenderedChart

#: `wait-for-db-sync` performs no db_sync, and `db-drop-backup` no db_drop.
_ABOUT: Final = re.compile(r"(?<![a-z0-9])(wait|tests?|backups?|dump|restore|verify|monitor|exporter)(?![a-z0-9])")


def without_section(layout: str | None) -> str:
    """Return why rules about the images section do not apply to a chart of a layout without one, or of no layout."""
    if layout is None:
        return "no images section of a known layout (see KEY-1)"
    return f"the layout {layout} has no images section"


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
    if _ABOUT.search(text):
        return frozenset()
    return frozenset(
        function
        for function, names in words("functions")["names"].items()
        if any(re.search(rf"(?<![a-z0-9]){word}(?![a-z0-9])", text) for word in names)
    )


def lent_by(function: str) -> tuple[str, ...]:
    """Return the functions whose image a function without a standard key may use, if the chart has no key for it."""
    return tuple(words("functions")["images"].get(function, ()))


def runs_forever(container: Container) -> bool:
    """Whether a container belongs to the main ones of a workload that does not end."""
    return container.role is Role.MAIN and container.kind in words("functions")["forever"]


def ends(function: str) -> bool:
    """Whether a function is done at some time."""
    return function in words("functions")["once"]


def says(container: Container, entry: Mapping[str, object], function: str) -> bool:
    """Whether the name of a container or of its workload, its command or an argument has a word for the function."""
    texts = [container.name, container.workload_name]
    for field in ("command", "args"):
        value = entry.get(field)
        texts += [str(each) for each in value] if isinstance(value, list) else []
    return any(function in in_name(text) for text in texts)


def named_after(chart: RenderedChart, container: Container) -> frozenset[str]:
    """Return the components' image keys that have the container's name, with or without the chart's name before it."""
    service = chart.name.replace("-", "_")
    name = container.name.replace("-", "_")
    names = {name, name.removeprefix(f"{service}_"), f"{service}_{name}"}
    return frozenset(key for key, function in chart.functions.items() if key in names and not function)


def single(found: frozenset[str]) -> str:
    """Return the one function that was found, "" if there are none or several."""
    return next(iter(found)) if len(found) == 1 else ""


def _by_program(entry: Mapping[str, object]) -> str:
    command = entry.get("command")
    first = str(command[0]).rpartition("/")[2] if isinstance(command, list) and command else ""
    return next((name for name, programs in words("functions")["programs"].items() if first in programs), "")
