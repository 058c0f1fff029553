"""TEST-1: the chart tests pass in every cell."""

from __future__ import annotations

from dataclasses import replace

import pytest

from osh_conformance.model.finding import Status
from osh_conformance.rules.registry import live_rules
from tests.unit.mutations import changed
from tests.unit.observations import observation
from tests.unit.rules.verdicts import assert_not_applicable


@pytest.mark.parametrize(
    ("unsettled", "reason"),
    [("", "names no tests for the chart"), ("pod api: crash", "the release did not come up")],
    ids=["no-tests", "not-up"],
)
def test_test_1_does_not_apply_if_no_tests_ran(unsettled: str, reason: str) -> None:
    assert_not_applicable(
        "TEST-1", changed(observation(), chart_tests=None, helm_test=None, unsettled=unsettled), reason
    )


def test_test_1_judges_each_kind_of_test_by_itself() -> None:
    seen = observation()
    assert seen.chart_tests is not None
    assert seen.helm_test is not None
    failed = changed(seen, chart_tests=replace(seen.chart_tests, code=1), helm_test=replace(seen.helm_test, code=1))
    verdict = live_rules()["TEST-1"](failed)
    assert [finding.found for finding in verdict.findings] == [
        "pytest ended with exit code 1",
        "helm test ended with exit code 1",
    ]
    assert len({finding.id for finding in verdict.findings}) == 2
    for kind in ("chart_tests", "helm_test"):
        assert live_rules()["TEST-1"](changed(seen, **{kind: None})).status is Status.PASS
