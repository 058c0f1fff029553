"""JOB-1: each Job has done its work on the server."""

from __future__ import annotations

from dataclasses import replace

from tests.unit.mutations import with_containers
from tests.unit.observations import observation
from tests.unit.rules.verdicts import assert_not_applicable, assert_undecided


def test_job_1_is_undecided_if_keystone_was_not_queried() -> None:
    assert_undecided("JOB-1", replace(observation(), identity=None), "Keystone was not queried")


def test_job_1_does_not_apply_to_a_chart_without_standard_functions() -> None:
    seen = with_containers(observation(), lambda c: replace(c, workload="Deployment/other"))
    assert_not_applicable("JOB-1", seen, "no container performs a standard function")
