"""TEST-1: the chart tests pass in every cell."""

from __future__ import annotations

import pytest

from tests.unit.mutations import changed
from tests.unit.observations import observation
from tests.unit.rules.verdicts import assert_not_applicable


@pytest.mark.parametrize(
    ("unsettled", "reason"),
    [("", "names no tests for the chart"), ("pod api: crash", "the release did not come up")],
    ids=["no-tests", "not-up"],
)
def test_test_1_does_not_apply_if_no_tests_ran(unsettled: str, reason: str) -> None:
    assert_not_applicable("TEST-1", changed(observation(), chart_tests=None, unsettled=unsettled), reason)
