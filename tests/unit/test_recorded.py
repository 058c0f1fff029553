"""Rules judge what was seen of the mutants on a real cluster as they did there: no cluster is needed to break one.

A rule that looks at something new needs new recordings: `pytest tests/live --record`.
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
    MUTANTS,
    RECORDED,
    Row,
    check_each,
    expected,
    fails,
    fits,
    live_patterns,
    mutants,
    recording,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

RECORDINGS = [(name, row) for name in mutants() for row in expected(name) if recording(name, row).exists()]


def _seen(name: str, row: Row) -> Observation:
    return msgspec.json.decode(recording(name, row).read_bytes(), type=Observation)


def _found(seen: Observation) -> Sequence[Mapping[str, str]]:
    rules = registry.live_rules()
    verdicts = [rules[rule](seen) for rule in seen.scenario.rules if rule in rules]
    return [msgspec.to_builtins(finding) for verdict in verdicts for finding in verdict.findings]


@pytest.mark.parametrize(("name", "row"), RECORDINGS, ids=[f"{name}-{row}" for name, row in RECORDINGS])
def test_what_was_seen_of_a_mutant_is_found_again(name: str, row: Row) -> None:
    found = [finding for finding in _found(_seen(name, row)) if finding["status"] == "fail"]
    live = live_patterns(name, row)
    assert live
    # A rule that judges templates too has told some of it of them.
    check_each(found, [pattern for pattern in live if pattern["rule"] not in registry.static_rules()])
    assert all(any(fits(finding, pattern) for pattern in live) for finding in found)
    assert {finding["rule"] for finding in found} == {pattern["rule"] for pattern in live}


def test_every_mutant_was_recorded_in_each_of_its_rows() -> None:
    rows = {(name, row) for name in mutants() for row in expected(name)}
    assert {(name, row) for name, row in rows if fails(name, row)} - set(RECORDINGS) == set()


def test_no_recording_is_left_of_a_row_that_is_gone() -> None:
    known = {recording(name, row) for name in mutants() for row in expected(name)}
    assert set(MUTANTS.glob(f"*/{RECORDED}/*")) - known == set()


def test_recordings_name_no_place_of_their_machine() -> None:
    for name, row in RECORDINGS:
        assert not re.search(r"/(root|home|tmp)/\S", Path(recording(name, row)).read_text())
