"""The charts that a live rule must fail, with their scenarios, their expected findings and recorded observations.

`expect.yaml` beside a mutant names the findings, and `recorded/<scenario>.json` has the observation of a run that
found them; `pytest tests/live --record` writes it. The benign twins look like mutants, and every rule must pass them:
their `expect.yaml` has no finding.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import yaml

from osh_conformance.rules import registry
from tests.paths import LIVE_MUTANTS, LIVE_TWINS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

RECORDED = "recorded"
#: The fields of an observation that contain paths of the machine.
_PLACES = ("command", "path")
_FOLDER = re.compile(r"(?<!\S)/\S*/")


@dataclass(frozen=True, kw_only=True)
class RepeatedScenario:
    """A scenario, and the number of times that a run repeats it for each chart."""

    name: str
    times: int = 1

    def __str__(self) -> str:
        return self.name if self.times == 1 else f"{self.name}-{self.times}-times"

    @property
    def words(self) -> tuple[str, ...]:
        repeat = () if self.times == 1 else ("--repeat", str(self.times))
        return ("--scenario", self.name, *repeat)


def folder(name: str) -> Path:
    """Return where the files of a mutant or of a benign twin are."""
    return LIVE_TWINS / name if (LIVE_TWINS / name).is_dir() else LIVE_MUTANTS / name


def _expectation(name: str) -> Mapping[str, Any]:
    if not (folder(name) / "expect.yaml").exists():
        # A chart that runs beside all of them.
        return {}
    return dict(yaml.safe_load((folder(name) / "expect.yaml").read_text().replace("{name}", name)))


def expected(name: str) -> Mapping[RepeatedScenario, Sequence[Mapping[str, str]]]:
    """Return the expected findings of a mutant for each scenario that it fails, from its expect.yaml.

    There, `scenario` is a scenario, which the run repeats `repeat` times, and `findings` has a pattern for each
    finding. `also` maps other scenarios to their patterns. A benign twin has no finding in any of them.
    """
    content = _expectation(name)
    scenarios = {RepeatedScenario(name=content["scenario"], times=content.get("repeat", 1)): content["findings"]}
    return scenarios | {RepeatedScenario(name=name): findings for name, findings in content.get("also", {}).items()}


def fits(finding: Mapping[str, Any], pattern: Mapping[str, str]) -> bool:
    return all(fnmatchcase(finding[field], text) for field, text in pattern.items())


def check_each(found: Sequence[Mapping[str, Any]], patterns: Sequence[Mapping[str, str]]) -> None:
    """Assert that a finding fits each pattern. A pattern without a status means a failure."""
    for pattern in patterns:
        assert any(fits(each, {"status": "fail", **pattern}) for each in found), f"none fits {pattern} of {found}"


def mutants(scenario: RepeatedScenario | None = None) -> Sequence[str]:
    """Return the names of all mutants, or of those that fail in a scenario."""
    return _names(LIVE_MUTANTS, scenario)


def twins(scenario: RepeatedScenario | None = None) -> Sequence[str]:
    """Return the names of all benign twins, or of those that run in a scenario."""
    return _names(LIVE_TWINS, scenario)


def _names(place: Path, scenario: RepeatedScenario | None) -> Sequence[str]:
    names = sorted(path.parent.name for path in place.glob("*/expect.yaml"))
    return [name for name in names if scenario is None or scenario in expected(name)]


def is_nightly(name: str) -> bool:
    """Whether only a night's run has this chart, although its scenario runs by day (`nightly: true`)."""
    return bool(_expectation(name).get("nightly"))


def is_recorded(name: str) -> bool:
    """Whether a run on a cluster has found what its expect.yaml says; `recorded: false` where none has yet."""
    return bool(_expectation(name).get("recorded", True))


def has_tests(name: str) -> bool:
    """Whether `helm test` runs for this chart (`helm_test: true`)."""
    return bool(_expectation(name).get("helm_test"))


def live_patterns(mutant: str, scenario: RepeatedScenario) -> Sequence[Mapping[str, str]]:
    """Return the expected findings of live rules."""
    return [pattern for pattern in expected(mutant)[scenario] if pattern["rule"] in registry.live_rules()]


def keeps(name: str, scenario: RepeatedScenario) -> bool:
    """Whether there is a recording of a mutant or a benign twin in a scenario."""
    return name in twins(scenario) or fails(name, scenario)


def fails(mutant: str, scenario: RepeatedScenario) -> bool:
    """Whether a live rule fails a mutant in a scenario. A run keeps no observation of a warning."""
    return any(pattern.get("status", "fail") == "fail" for pattern in live_patterns(mutant, scenario))


def recording(mutant: str, scenario: RepeatedScenario) -> Path:
    """Return the file with the recorded observation of a mutant or a benign twin in a scenario."""
    return folder(mutant) / RECORDED / f"{scenario}.json"


def record(observation: Path, mutant: str, scenario: RepeatedScenario) -> None:
    """Store an observation from the artifacts of a run, without the paths of the machine."""
    seen = json.loads(observation.read_text(), object_hook=_placeless)
    target = recording(mutant, scenario)
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(seen, ensure_ascii=False, separators=(",", ":")) + "\n")


def _placeless(item: dict[str, Any]) -> dict[str, Any]:
    return {key: _FOLDER.sub("", part) if key in _PLACES else part for key, part in item.items()}
