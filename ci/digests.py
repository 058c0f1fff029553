"""The base images of recipes, and the digests that their registries have now. Part of `python -m ci.versions`."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from osh_conformance.registry.lookup import Lookup

_ROOT = Path(__file__).resolve().parents[1]


def bases(root: Path = _ROOT) -> dict[str, list[str]]:
    """Return the files that name each base image; the reference has its digest, if the recipe pins one."""
    found: dict[str, list[str]] = {}
    for file in sorted(root.glob("ci/*/*/recipe.toml")):
        base = tomllib.loads(file.read_text()).get("image", {}).get("base", ())
        for reference in [base] if isinstance(base, str) else base.values() if isinstance(base, dict) else base:
            found.setdefault(reference, []).append(file.relative_to(root).as_posix())
    return found


def compare(
    named: Mapping[str, list[str]], looked_up: Callable[[Iterable[str]], Mapping[str, Lookup]]
) -> tuple[list[str], bool, bool]:
    """Return lines to print, whether a registry has another digest, and whether one did not answer."""
    answers = looked_up([reference.partition("@")[0] for reference in named])
    lines, other, failed = [], False, False
    for reference, files in named.items():
        tagged, _, pinned = reference.partition("@")
        answer = answers[tagged]
        if not answer.found or not answer.digest:
            failed = True
            lines.append(f"{reference}: unknown: {answer.message}")
        elif answer.digest == pinned:
            lines.append(f"{reference}: -")
        else:
            other = True
            lines += [
                f"{reference}: {answer.digest}",
                *(f'  {name}: base = "{tagged}@{answer.digest}"' for name in files),
            ]
    return lines, other, failed
