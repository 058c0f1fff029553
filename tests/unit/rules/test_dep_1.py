"""DEP-1: pods wait for their dependencies."""

from __future__ import annotations

from dataclasses import replace

from osh_conformance.model.observation import DependencyWithheld
from tests.unit.observations import observation
from tests.unit.rules.verdicts import assert_not_applicable


def test_dep_1_does_not_apply_if_the_scenario_withholds_no_service() -> None:
    assert_not_applicable("DEP-1", replace(observation(), withheld=None), "withholds no Service")


def test_dep_1_does_not_apply_to_a_chart_without_a_pod_that_waits() -> None:
    seen = replace(observation(), withheld=DependencyWithheld(seconds=3.0, waiting=(), early=()))
    assert_not_applicable("DEP-1", seen, "no dep_check key")
