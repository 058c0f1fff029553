"""The chart's own tests, where it has any: they must hold in every cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.model.finding import Verdict
from osh_conformance.model.rule import Rule
from osh_conformance.rules._live import finding
from osh_conformance.rules.registry import live_rule

if TYPE_CHECKING:
    from osh_conformance.model.observation import Observation

TEST_1 = Rule(
    id="TEST-1",
    title="the chart's own tests, written for pytest-helm-charts, pass in every cell",
    source="they will all function the same",
    why="what its authors check of a chart must be true with any image and under any runtime",
    example="a test that asks for a table which only one release of the service has",
    fix="see what pytest printed (observation.json in the artifacts), and run the cell again by the command below",
)
_PASSED, _NOTHING_COLLECTED = 0, 5


@live_rule(TEST_1)
def own_tests(observation: Observation) -> Verdict:
    """Judge TEST-1 by the exit code of pytest, run on the catalogue's `tests` of the chart while the release is up."""
    tests = observation.own_tests
    if tests is None:
        reason = "the release did not come up" if observation.unsettled else "the catalogue names no tests of the chart"
        return Verdict.not_applicable(TEST_1.id, reason)
    if tests.code == _PASSED:
        return Verdict.of(TEST_1.id, ())
    found = "pytest found no test" if tests.code == _NOTHING_COLLECTED else f"pytest ended with {tests.code}"
    return Verdict.of(
        TEST_1.id,
        [
            finding(
                observation,
                TEST_1.id,
                found="\n".join([found, *tests.failed]),
                expected="every test passes",
                why=TEST_1.why,
                fix=TEST_1.fix,
            )
        ],
    )
