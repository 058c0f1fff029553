"""The base images of recipes, and the digests that their registries have now. Part of `python -m ci.versions`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from osh_conformance.provision import recipes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from osh_conformance.registry.lookup import Lookup

_ROOT = Path(__file__).resolve().parents[1]


def bases(root: Path = _ROOT) -> dict[str, list[str]]:
    """Return the file and field of each place that names a base image; a pinned one with its digest."""
    found: dict[str, list[str]] = {}
    for recipe in recipes.load(root / "ci").by_name.values():
        file = (recipe.folder / "recipe.toml").relative_to(root).as_posix()
        for variable, reference in recipes.bases(recipe).items():
            name = variable if variable in recipe.bases else "base"
            found.setdefault(reference, []).append(f"{file}: {name}")
    return found


def compare(
    named: Mapping[str, list[str]], looked_up: Callable[[Iterable[str]], Mapping[str, Lookup]]
) -> tuple[list[str], bool, bool]:
    """Return lines to print, whether a registry has another digest, and whether one did not answer."""
    answers = looked_up([reference.partition("@")[0] for reference in named])
    lines, other, failed = [], False, False
    for reference, places in named.items():
        tagged, _, pinned = reference.partition("@")
        answer = answers[tagged]
        if not answer.found or not answer.digest:
            failed = True
            lines.append(f"{reference}: unknown: {answer.message}")
        elif answer.digest == pinned:
            lines.append(f"{reference}: -")
        else:
            other = True
            lines.append(f"{reference}: {answer.digest}")
            lines += [f'  {place} = "{tagged}@{answer.digest}"' for place in places]
    return lines, other, failed
