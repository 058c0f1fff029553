"""What is drawn from a seed, and where a run was when it was killed."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

#: How a run is killed, in turns.
VARIANTS = ("process", "session")
_KEPT_EVERY = 5
CLUSTER = re.compile(r"osh-conformance-[0-9a-f]{8}\b")
_STEP = re.compile(r"^  (?:\.\.|ok|FAIL) +(?P<text>.*?)(?:  (?P<seconds>\d+\.\d) s)?$")
_BEGUN = "  .. "


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """One kill: what is run, how it ends, and after which fraction of the time that a complete run takes."""

    number: int
    scenario: str
    variant: str
    kept: bool
    fraction: float


def planned(times: int, seed: int, scenarios: Sequence[str], between: tuple[float, float]) -> tuple[Kill, ...]:
    """The kills of a seed. Every scenario meets every variant; some meet the kept cluster."""
    drawn = random.Random(seed)  # noqa: S311 - moments, no secrets
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
    """What a run was doing when it printed its last line: the step that had begun last, if it had not ended."""
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
    told = begun[-1] if begun else f"after: {ended}" if ended else "start-up"
    return CLUSTER.sub("…", told)


def step_seconds(printed: str) -> dict[str, float]:
    """How long each step took that ended."""
    found = (_STEP.match(line) for line in printed.splitlines())
    return {match["text"]: float(match["seconds"]) for match in found if match and match["seconds"]}


def without_cluster(seconds: float, printed: str) -> float:
    """How long a run would have taken on a cluster that is there already."""
    own = [took for step, took in step_seconds(printed).items() if CLUSTER.search(step) and "cluster" in step]
    return max(1.0, seconds - sum(own))
