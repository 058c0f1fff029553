"""Drawing kills from a seed, and finding the step in which a run was killed."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

#: The ways to kill a run, in turns.
VARIANTS = ("process", "session")
_KEPT_EVERY = 5
CLUSTER = re.compile(r"osh-conformance-[0-9a-f]{8}\b")
_STEP = re.compile(r"^  (?:\.\.|ok|FAIL) +(?P<text>.*?)(?:  (?P<seconds>\d+\.\d) s)?$")
_BEGUN = "  .. "


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """One kill: its scenario, its way, and its moment as a fraction of the time that a complete run takes."""

    number: int
    scenario: str
    variant: str
    kept: bool
    fraction: float


def planned(times: int, seed: int, scenarios: Sequence[str], between: tuple[float, float]) -> tuple[Kill, ...]:
    """Return the kills of a seed. Every scenario is killed in every way; some kills are on the kept cluster."""
    drawn = random.Random(seed)  # noqa: S311 - moments, not secrets
    return tuple(
        Kill(
            number=number,
            scenario=scenarios[(number - 1) // len(VARIANTS) % len(scenarios)],
            variant=VARIANTS[(number - 1) % len(VARIANTS)],
            kept=number % _KEPT_EVERY == 0,
            fraction=drawn.uniform(*between),
        )
        for number in range(1, times + 1)
    )


def last_step(printed: str) -> str:
    """Return the step that a run had begun last and not ended, or else the one it had ended last."""
    begun: list[str] = []
    ended = ""
    for line in printed.splitlines():
        match = _STEP.match(line)
        if match is None:
            continue
        if line.startswith(_BEGUN):
            begun.append(match["text"])
        else:
            ended = match["text"]
            begun = [text for text in begun if text != ended]
    step = begun[-1] if begun else f"after: {ended}" if ended else "start-up"
    return CLUSTER.sub("…", step)


def step_seconds(printed: str) -> dict[str, float]:
    """Return the seconds of each step that ended."""
    found = (_STEP.match(line) for line in printed.splitlines())
    return {match["text"]: float(match["seconds"]) for match in found if match and match["seconds"]}


def without_cluster(seconds: float, printed: str) -> float:
    """Return the seconds that a run would have taken on an existing cluster."""
    own = [took for step, took in step_seconds(printed).items() if CLUSTER.search(step) and "cluster" in step]
    return max(1.0, seconds - sum(own))
