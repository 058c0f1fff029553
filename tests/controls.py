"""The charts that a live rule must fail: in which rows, with which findings, and what was seen of them there.

`expect.yaml` beside a mutant says what is found, and `recorded/<row>.json` has the observation of a run that found it;
`pytest tests/live --record` writes that.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import yaml

from osh_conformance.rules import registry
from tests.paths import LIVE_MUTANTS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

RECORDED = "recorded"
#: What of an observation names places on the machine of its run.
_PLACES = ("command", "path")
_FOLDER = re.compile(r"(?<!\S)/\S*/")


@dataclass(frozen=True, kw_only=True)
class Row:
    """A scenario of a table, gone through so often."""

    scenario: str
    times: int = 1

    def __str__(self) -> str:
        return self.scenario if self.times == 1 else f"{self.scenario}-{self.times}-times"

    @property
    def words(self) -> tuple[str, ...]:
        repeat = () if self.times == 1 else ("--repeat", str(self.times))
        return ("--scenario", self.scenario, *repeat)


def expected(mutant: str) -> Mapping[Row, Sequence[Mapping[str, str]]]:
    """By the row in which a mutant breaks, the findings of a run of that row, by its expect.yaml.

    `scenario` is the row (with `repeat` gone through so often) and `findings` has a pattern for each finding. `also`
    has other rows, with theirs.
    """
    told = yaml.safe_load((LIVE_MUTANTS / mutant / "expect.yaml").read_text().replace("{name}", mutant))
    rows = {Row(scenario=told["scenario"], times=told.get("repeat", 1)): told["findings"]}
    return rows | {Row(scenario=scenario): findings for scenario, findings in told.get("also", {}).items()}


def fits(finding: Mapping[str, Any], pattern: Mapping[str, str]) -> bool:
    return all(fnmatchcase(finding[field], text) for field, text in pattern.items())


def check_each(found: Sequence[Mapping[str, Any]], patterns: Sequence[Mapping[str, str]]) -> None:
    """Every pattern is found; one that does not say so is of a failure."""
    for pattern in patterns:
        assert any(fits(each, {"status": "fail", **pattern}) for each in found), f"none fits {pattern} of {found}"


def mutants(row: Row | None = None) -> Sequence[str]:
    """The names of all mutants, or of those that break in a row."""
    names = sorted(path.parent.name for path in LIVE_MUTANTS.glob("*/expect.yaml"))
    return [name for name in names if row is None or row in expected(name)]


def live_patterns(mutant: str, row: Row) -> Sequence[Mapping[str, str]]:
    """Those of the expected findings that a live rule makes."""
    return [pattern for pattern in expected(mutant)[row] if pattern["rule"] in registry.live_rules()]


def fails(mutant: str, row: Row) -> bool:
    """Whether a live rule fails a mutant in a row: of what is only warned of, a run keeps no observation."""
    return any(pattern.get("status", "fail") == "fail" for pattern in live_patterns(mutant, row))


def recording(mutant: str, row: Row) -> Path:
    """Where the observation of a mutant in a row is kept."""
    return LIVE_MUTANTS / mutant / RECORDED / f"{row}.json"


def record(observation: Path, mutant: str, row: Row) -> None:
    """Keep an observation from the artifacts of a run, without the folders of its machine."""
    seen = json.loads(observation.read_text(), object_hook=_placeless)
    target = recording(mutant, row)
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(seen, ensure_ascii=False, separators=(",", ":")) + "\n")


def _placeless(item: dict[str, Any]) -> dict[str, Any]:
    return {key: _FOLDER.sub("", part) if key in _PLACES else part for key, part in item.items()}
