"""TEST-1: the chart tests pass in every cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.model.finding import Verdict
from osh_conformance.model.rule import Rule
from osh_conformance.rules.registry import live_rule
from osh_conformance.rules.shared.live import place

if TYPE_CHECKING:
    from osh_conformance.model.observation import ChartTests, HelmTest, Observation

RULE = Rule(
    id="TEST-1",
    title="the chart tests pass in every cell: those for pytest-helm-charts, and helm test",
    source="they will all function the same",
    why="the tests describe how the service works, which must not depend on its images or on the runtime",
    fix="see the output of the tests (observation.json in the artifacts), and run the cell again as below",
    blind="what the tests check: their exit codes count; tests that the catalog does not name",
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
#: Lines of each log in a finding.
_LINES = 10


@live_rule(RULE)
def check_live(observation: Observation) -> Verdict:
    """Check pytest's exit code for the tests that the catalog names, and the exit code of `helm test`.

    They run while the release is up; `helm test` runs if the catalog says `helm_test: true`. The rule is not applicable
    if the catalog names neither, or the release did not come up.
    """
    if observation.chart_tests is None and observation.helm_test is None:
        reason = "the release did not come up" if observation.unsettled else "the catalog names no tests for the chart"
        return Verdict.not_applicable(RULE.id, reason)
    problems = {
        "": _of_pytest(observation.chart_tests) if observation.chart_tests else "",
        "helm test": _of_helm(observation.helm_test) if observation.helm_test else "",
    }
    findings = [
        RULE.finding(place(observation), found=problem, expected="every test passes", cause=cause)
        for cause, problem in problems.items()
        if problem
    ]
    return Verdict.of(RULE.id, findings)


def _of_pytest(tests: ChartTests) -> str:
    """Return how the tests of pytest failed, or ""."""
    if tests.code == _PASSED:
        return ""
    found = "pytest found no test" if tests.code == _NOTHING_COLLECTED else f"pytest ended with exit code {tests.code}"
    return "\n".join([found, *tests.failed])


def _of_helm(test: HelmTest) -> str:
    """Return how `helm test` failed, or ""."""
    if test.code != _PASSED:
        logs = [f"{name}: {line}" for name, text in test.logs.items() for line in text.splitlines()[-_LINES:]]
        return "\n".join([f"helm test ended with exit code {test.code}", *logs])
    return "" if test.ran else "helm test ran no test"
