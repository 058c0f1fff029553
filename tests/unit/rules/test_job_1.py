"""JOB-1: each Job has done its work on the server."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import pytest

from osh_conformance.model.observation import IdentityState, OutsideState
from osh_conformance.rules import registry
from tests.unit.mutations import outside, with_containers
from tests.unit.observations import observation, queue
from tests.unit.rules.verdicts import assert_fails, assert_not_applicable, assert_passes, assert_undecided, verdict_of

if TYPE_CHECKING:
    from osh_conformance.model.observation import Observation


def test_job_1_judges_in_a_reduced_run_only_the_jobs_that_create_and_drop() -> None:
    seen = observation()
    functions = {key: word if word in {"db_init", "db_drop"} else "" for key, word in seen.declared.functions.items()}
    # The Jobs of Keystone's entries run an image that does nothing, and never end.
    stuck = with_containers(seen, lambda c: replace(c, exit_code=None) if "ks-" in c.workload else c)
    assert "ks_user" in {finding.key for finding in verdict_of("JOB-1", stuck).findings}
    declared = replace(stuck.declared, functions=functions)
    reduced = replace(stuck, declared=declared, scenario=replace(seen.scenario, reduced=True), identity=None)
    assert_passes("JOB-1", reduced)
    (lifetime, *_) = seen.lifetimes
    empty = replace(reduced, lifetimes=(replace(lifetime, installed=lifetime.before),))
    assert [finding.key for finding in verdict_of("JOB-1", empty).findings] == ["db_init"]


def test_job_1_is_undecided_if_the_api_server_reached_no_keystone() -> None:
    seen = replace(observation(), identity=IdentityState(token_status=0, unasked='services "keystone-api" not found'))
    words = 'Keystone was not queried: the API server answered instead: services "keystone-api" not found'
    assert_undecided("JOB-1", seen, words)


@pytest.mark.parametrize(
    ("state", "answer"),
    [
        (IdentityState(token_status=0, silent="error trying to reach service"), "got no answer of Keystone: error *"),
        (IdentityState(token_status=401), "was answered by Keystone with status 401"),
    ],
)
def test_job_1_fails_a_keystone_that_gives_its_administrator_no_token(state: IdentityState, answer: str) -> None:
    verdict = verdict_of("JOB-1", replace(observation(), identity=state))
    assert {finding.key for finding in verdict.findings} == {"ks_user", "ks_service", "ks_endpoints", "bootstrap"}
    assert all(fnmatchcase(each.found, f"the administrator's token request {answer}") for each in verdict.findings)


def test_job_1_is_undecided_if_keystone_was_not_queried() -> None:
    assert_undecided("JOB-1", replace(observation(), identity=None), "Keystone was not queried")


def test_job_1_does_not_apply_to_a_chart_without_standard_functions() -> None:
    seen = with_containers(observation(), lambda c: replace(c, workload="Deployment/other"))
    assert_not_applicable("JOB-1", seen, "no container performs a standard function")


# -- rabbit-init on the image of bootstrap: the message queue confirms its work -------------------------------------


def with_rabbit_init() -> Observation:
    """A chart whose only container on the key `bootstrap` is `rabbit-init`, with a Keystone that cells share."""
    seen = observation()
    declared = replace(
        seen.declared,
        containers=tuple(
            replace(c, name="rabbit-init") if c.key == "bootstrap" and c.kind == "Job" else c
            for c in seen.declared.containers
        ),
    )
    names = {(c.workload, c.name) for c in seen.declared.containers if c.key == "bootstrap" and c.kind == "Job"}
    renamed = with_containers(seen, lambda c: replace(c, name="rabbit-init") if (c.workload, c.name) in names else c)
    return replace(renamed, declared=declared)


def test_job_1_accepts_a_rabbit_init_that_made_user_and_vhost() -> None:
    assert_passes("JOB-1", with_rabbit_init())


def test_job_1_fails_a_rabbit_init_that_made_nothing() -> None:
    seen = outside(installed=OutsideState(queue=queue(own=False)))(with_rabbit_init())
    assert_fails("JOB-1", seen, "the message queue has no new user and no new vhost", key="bootstrap")


@pytest.mark.parametrize("shared", ["users", "vhosts"])
def test_job_1_accepts_a_user_on_a_vhost_that_was_there_and_a_vhost_of_a_user_that_was(shared: str) -> None:
    state = replace(queue(own=True), **{shared: getattr(queue(own=False), shared)})
    assert_passes("JOB-1", outside(installed=OutsideState(queue=state))(with_rabbit_init()))


@pytest.mark.parametrize("moment", ["before", "installed"])
def test_job_1_says_why_the_queue_was_not_queried(moment: str) -> None:
    seen = outside(**{moment: OutsideState(unread="`rabbitmqctl` did not end within 120 s")})(with_rabbit_init())
    assert_undecided("JOB-1", seen, "the message queue was not queried: `rabbitmqctl` did not end within 120 s")


def test_job_1_says_why_a_shared_keystone_was_not_queried() -> None:
    seen = outside(installed=OutsideState(queue=queue(own=True), unread="Keystone did not list its users"))(
        replace(with_rabbit_init(), identity=None)
    )
    assert_undecided("JOB-1", seen, "Keystone was not queried: Keystone did not list its users")


def test_job_1_does_not_ask_keystone_for_the_work_of_rabbit_init() -> None:
    seen = replace(with_rabbit_init(), identity=IdentityState(token_status=503))
    kept = ("Job/keystone-ks-user", "Job/keystone-ks-service", "Job/keystone-ks-endpoints")
    others = replace(seen, containers=tuple(c for c in seen.containers if not c.workload.startswith(kept)))
    assert_passes("JOB-1", others)


def test_job_1_is_undecided_if_the_queue_of_rabbit_init_was_not_queried() -> None:
    assert_undecided("JOB-1", replace(with_rabbit_init(), outside={}), "the message queue was not queried")


def test_job_1_judges_by_what_the_cell_registered_in_a_shared_keystone() -> None:
    nothing = IdentityState(token_status=201, administrator="admin", shared=True)
    for function, text in (("user", "no user except admin"), ("service", "no service"), ("endpoint", "no endpoint")):
        findings = registry.live_rules()["JOB-1"](replace(observation(), identity=nothing)).findings
        assert any(text in finding.found for finding in findings), function
