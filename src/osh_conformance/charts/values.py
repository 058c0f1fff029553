"""Values as Helm merges them. A dotted path names a place in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from osh_conformance.model.values import at

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ("at", "merged", "placed")


def merged(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """Merge from left to right, mappings key by key, everything else whole. None in a later layer stays None."""
    result: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            old = result.get(key)
            if isinstance(old, dict) and isinstance(value, dict):
                result[key] = merged(old, value)
            else:
                result[key] = value
    return result


def placed(path: str, value: Any) -> dict[str, Any]:
    """Return values that hold `value` at the dotted `path` and nothing else."""
    for part in reversed(path.split(".")):
        value = {part: value}
    return dict(value)
