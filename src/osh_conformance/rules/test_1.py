"""TEST-1: the chart tests pass in every cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.model.finding import Verdict
from osh_conformance.model.rule import Rule
from osh_conformance.rules.registry import live_rule
from osh_conformance.rules.shared.live import place

if TYPE_CHECKING:
    from osh_conformance.model.observation import Observation

RULE = Rule(
    id="TEST-1",
    title="the chart tests, written for pytest-helm-charts, pass in every cell",
    source="they will all function the same",
    why="the tests describe how the service works, which must not depend on its images or on the runtime",
    fix="see pytest's output (observation.json in the artifacts), and run the cell again with the command below",
    before="""\
kind: Service
metadata:
  name: keystone-api
spec:
  selector:
    component: os-api  # no pod has this label, so the tests reach no API
""",
    after="""\
kind: Service
metadata:
  name: keystone-api
spec:
  selector:
    component: api
""",
)
_PASSED, _NOTHING_COLLECTED = 0, 5


@live_rule(RULE)
def check_live(observation: Observation) -> Verdict:
    """Check the exit code of pytest for the tests that the catalog names for the chart.

    They run while the release is up. The rule is not applicable if the catalog names none, or the release did not come
    up.
    """
    tests = observation.chart_tests
    if tests is None:
        reason = "the release did not come up" if observation.unsettled else "the catalog names no tests for the chart"
        return Verdict.not_applicable(RULE.id, reason)
    if tests.code == _PASSED:
        return Verdict.of(RULE.id, ())
    found = "pytest found no test" if tests.code == _NOTHING_COLLECTED else f"pytest ended with exit code {tests.code}"
    finding = RULE.finding(place(observation), found="\n".join([found, *tests.failed]), expected="every test passes")
    return Verdict.of(RULE.id, [finding])
