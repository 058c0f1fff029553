"""Finds the switches of optional manifests in values, and which of them can be on together."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from osh_conformance.model.convention import Convention


def variants(convention: Convention, values: Mapping[str, Any]) -> list[dict[str, bool]]:
    """Return sets of switches, by dotted path, that together switch on everything that `values` have off.

    One set, unless some exclude each other by the convention: then as many as the largest such group has
    members, each member on in one set and the others of its group off there. The drop switch is always on.
    """
    switches = toggles(convention, values)
    groups = _groups(convention, switches)
    count = max((len(members) for members in groups), default=1)
    grouped = {path for members in groups for member in members for path in member}
    found = []
    for number in range(count):
        chosen = {path: True for path, value in switches.items() if not value and path not in grouped}
        for members in groups:
            for index, member in enumerate(members):
                wanted = index == number % len(members)
                chosen.update({path: wanted for path in member if switches[path] is not wanted})
        found.append(chosen)
    return found


def is_toggle(convention: Convention, path: str) -> bool:
    """Whether the value at the dotted `path` is a toggle by the convention, or its drop switch."""
    return path == convention.db_drop or any(_pattern(toggle).fullmatch(path) for toggle in convention.toggles)


def toggles(convention: Convention, values: Mapping[str, Any]) -> dict[str, bool]:
    """Return the toggles among the `values`, by dotted path."""
    return {path: value for path, value in _switches("", values) if is_toggle(convention, path)}


def excluding(convention: Convention, values: Mapping[str, Any], path: str) -> tuple[str, ...]:
    """Return the switches that are on in `values` and exclude the one at `path` by the convention."""
    switches = {**toggles(convention, values), path: True}
    others = [
        other
        for members in _groups(convention, switches)
        if any(path in member for member in members)
        for member in members
        if path not in member
        for other in member
    ]
    return tuple(other for other in others if switches[other])


def matching(patterns: Iterable[str], values: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the dotted paths in `values` that fit a pattern and lead to something; `*` is one name."""
    found: list[str] = []
    for pattern in patterns:
        places: list[tuple[str, Any]] = [("", values)]
        for part in pattern.split("."):
            places = [
                (f"{place}.{key}" if place else str(key), entry)
                for place, here in places
                if isinstance(here, dict)
                for key, entry in here.items()
                if _pattern(part).fullmatch(str(key)) and "." not in str(key)
            ]
        found += [place for place, entry in places if entry is not None]
    return tuple(dict.fromkeys(found))


def _switches(prefix: str, values: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    for key, value in values.items():
        # In a dotted path, a dot in a key looks like a level.
        if not isinstance(key, str) or "." in key:
            continue
        if isinstance(value, bool):
            yield f"{prefix}{key}", value
        elif isinstance(value, dict):
            yield from _switches(f"{prefix}{key}.", value)


def _groups(convention: Convention, switches: Mapping[str, bool]) -> list[list[list[str]]]:
    """Return the exclusive groups with two or more members here. `*` is the same text in all of a group."""
    found = []
    for patterns in convention.exclusive:
        by_star: defaultdict[tuple[str | Any, ...], dict[int, list[str]]] = defaultdict(dict)
        for index, pattern in enumerate(patterns):
            for path in switches:
                if match := _pattern(pattern).fullmatch(path):
                    by_star[match.groups()].setdefault(index, []).append(path)
        found += [[members[index] for index in sorted(members)] for members in by_star.values() if len(members) > 1]
    return found


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile("([^.]*)".join(re.escape(part) for part in text.split("*")))
