"""Live rules find the same in recorded observations of the mutants and their twins as they did on a real cluster.

A rule that reads a new field of the observation needs new recordings: `pytest tests/live --record`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from osh_conformance.model.observation import Observation
from osh_conformance.rules import registry
from tests.controls import (
    RECORDED,
    RepeatedScenario,
    check_each,
    expected,
    fails,
    fits,
    is_recorded,
    live_patterns,
    mutants,
    recording,
    twins,
)
from tests.paths import LIVE_MUTANTS, LIVE_TWINS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

RECORDINGS = [
    (name, scenario) for name in mutants() for scenario in expected(name) if recording(name, scenario).exists()
]
TWINS = [(name, scenario) for name in twins() if is_recorded(name) for scenario in expected(name)]


def _seen(name: str, scenario: RepeatedScenario) -> Observation:
    return msgspec.json.decode(recording(name, scenario).read_bytes(), type=Observation)


def _found(seen: Observation) -> Sequence[Mapping[str, str]]:
    rules = registry.live_rules()
    verdicts = [rules[rule](seen) for rule in seen.scenario.rules if rule in rules]
    return [msgspec.to_builtins(finding) for verdict in verdicts for finding in verdict.findings]


@pytest.mark.parametrize(("name", "scenario"), RECORDINGS, ids=[f"{name}-{scenario}" for name, scenario in RECORDINGS])
def test_a_recording_gives_the_expected_findings_of_its_mutant(name: str, scenario: RepeatedScenario) -> None:
    found = [finding for finding in _found(_seen(name, scenario)) if finding["status"] == "fail"]
    live = live_patterns(name, scenario)
    assert live
    # A rule with a static check may have found some of it in the templates.
    check_each(found, [pattern for pattern in live if pattern["rule"] not in registry.static_rules()])
    assert all(any(fits(finding, pattern) for pattern in live) for finding in found)
    assert {finding["rule"] for finding in found} == {pattern["rule"] for pattern in live}


@pytest.mark.parametrize(("name", "scenario"), TWINS, ids=[f"{name}-{scenario}" for name, scenario in TWINS])
def test_nothing_is_found_in_a_recording_of_a_benign_twin(name: str, scenario: RepeatedScenario) -> None:
    assert _found(_seen(name, scenario)) == []


def test_every_mutant_has_a_recording_for_each_scenario_that_it_fails_or_says_that_it_has_none() -> None:
    failing = {(name, scenario) for name in mutants() for scenario in expected(name) if fails(name, scenario)}
    assert failing - set(RECORDINGS) == {(name, scenario) for name, scenario in failing if not is_recorded(name)}


def test_every_recording_belongs_to_a_scenario_of_its_mutant() -> None:
    known = {recording(name, scenario) for name in (*mutants(), *twins()) for scenario in expected(name)}
    assert {file for place in (LIVE_MUTANTS, LIVE_TWINS) for file in place.glob(f"*/{RECORDED}/*")} - known == set()


def test_recordings_contain_no_path_of_the_machine_that_made_them() -> None:
    for name, scenario in (*RECORDINGS, *TWINS):
        assert not re.search(r"/(root|home|tmp)/\S", Path(recording(name, scenario)).read_text())
