"""Finds the switches in values that a chart's templates obey, beside the toggles of its convention."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from osh_conformance.charts.values import at
from osh_conformance.manifests.guards import guards
from osh_conformance.render.toggles import is_toggle

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from osh_conformance.model.convention import Convention

#: More switches than these are not a chart's, but a mistake of this module.
_MOST = 200
#: Renderings that a chart gets for templates that need some switches on and others off.
_MOST_WISHES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Switches:
    """Switches by their dotted paths.

    - on: those that are off, or missing, and would render more if they were on.
    - off: those that render something else, or more, where they are off.
    """

    on: tuple[str, ...] = ()
    off: tuple[str, ...] = ()


def switches(
    templates: Mapping[str, str], effective: Mapping[str, Any], convention: Convention | None = None
) -> Switches:
    """Return the switches among the `effective` values; those to switch on are no toggles of the convention."""
    on: dict[str, None] = {}
    off: dict[str, None] = {}
    for guard in sorted(guards(templates), key=lambda guard: (guard.path, guard.negative)):
        for path in _places(guard.path, effective):
            if convention and _is_setting(convention, path):
                continue
            if guard.negative:
                # Without a registry in the cluster a chart is as it is shipped.
                if not (convention and path == convention.local_registry):
                    off[path] = None
            elif at(effective, path) is not True and not (convention and is_toggle(convention, path)):
                on[path] = None
    return Switches(on=tuple(on)[:_MOST], off=tuple(off)[:_MOST])


def wishes(
    texts: Iterable[str], effective: Mapping[str, Any], convention: Convention | None = None
) -> list[dict[str, bool]]:
    """Return what templates that never rendered ask of switches at once: some on and others off.

    `texts` are those templates. Those with containers come first; each wish comes once, and a few at most.
    """
    found: list[dict[str, bool]] = []
    for text in sorted(texts, key=lambda text: "containers:" not in text):
        wish: dict[str, bool] = {}
        both: set[str] = set()
        for guard in guards({"templates/template.yaml": text}):
            for path in _places(guard.path, effective):
                if not (convention and _is_setting(convention, path)):
                    both |= {path} if wish.setdefault(path, not guard.negative) is guard.negative else set()
        wish = {path: value for path, value in sorted(wish.items()) if path not in both}
        if set(wish.values()) == {True, False} and wish not in found:
            found.append(wish)
    return found[:_MOST_WISHES]


def _is_setting(convention: Convention, path: str) -> bool:
    """Whether a value is a setting of the images section, and not the switch of a registry in the cluster."""
    return path != convention.local_registry and path.partition(".")[0] == convention.images.partition(".")[0]


def _places(pattern: str, values: Mapping[str, Any]) -> Iterator[str]:
    """Yield the dotted paths that fit a pattern and are switches: a boolean, or a missing `enabled` of a mapping."""
    before, star, after = pattern.partition(".*")
    if star:
        found = at(values, before)
        for key in found if isinstance(found, dict) else ():
            if isinstance(key, str) and "." not in key:
                yield from _places(f"{before}.{key}{after}", values)
        return
    value = at(values, pattern)
    parent, _, name = pattern.rpartition(".")
    if isinstance(value, bool) or (value is None and name == "enabled" and isinstance(at(values, parent), dict)):
        yield pattern
