"""PULL-1 on a cluster: the pull secret reaches every pod, and the registry refuses none."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from osh_conformance.model.convention import PULL_SECRET
from tests.unit.observations import observation
from tests.unit.rules.verdicts import assert_fails, assert_not_applicable, assert_passes, assert_undecided

if TYPE_CHECKING:
    from osh_conformance.model.observation import Observation

_DROP = "Job/keystone-db-drop"
_REFUSED = {
    "state": "waiting",
    "reason": "ImagePullBackOff",
    "message": "unexpected status from HEAD request to http://172.18.0.1/v2/x: 401 Unauthorized",
    "started_at": "",
}


def _seen(workload: str = "none", unsettled: str = "", **changes: object) -> Observation:
    """A release whose pods all have the secret; the containers of `workload` are changed."""
    seen = observation()
    with_secret = [replace(each, pull_secrets=(PULL_SECRET,)) for each in seen.containers]
    containers = [replace(each, **changes) if each.workload == workload else each for each in with_secret]  # type: ignore[arg-type]
    lifetimes = [replace(each, unsettled=unsettled) for each in seen.lifetimes]
    return replace(seen, containers=tuple(containers), lifetimes=tuple(lifetimes), pull_secret=PULL_SECRET)


def test_pull_1_passes_a_release_whose_pods_all_have_the_secret() -> None:
    assert_passes("PULL-1", _seen())


def test_pull_1_does_not_apply_where_the_chart_got_no_secret() -> None:
    assert_not_applicable("PULL-1", observation(), "got no pull secret")


def test_pull_1_names_a_workload_that_lacks_the_secret_although_its_node_has_the_image() -> None:
    (finding,) = assert_fails("PULL-1", _seen(_DROP, pull_secrets=()), "no imagePullSecrets", key="")
    assert finding.workload == _DROP


@pytest.mark.parametrize("names", [(), ("other",)])
def test_pull_1_names_a_workload_whose_pull_was_refused(names: tuple[str, ...]) -> None:
    seen = _seen(_DROP, pull_secrets=names, unsettled="a pod cannot pull", **_REFUSED)
    words = f"imagePullSecrets: {names[0]}" if names else "no imagePullSecrets"
    (finding,) = assert_fails("PULL-1", seen, f"{words}; the registry refused ", key="")
    assert finding.workload == _DROP


def test_pull_1_is_undecided_where_the_release_did_not_come_up_for_another_reason() -> None:
    assert_undecided("PULL-1", _seen(unsettled="the database is away"), "the database is away")


def test_pull_1_does_not_count_a_pull_that_failed_without_a_question_for_a_login() -> None:
    assert_passes("PULL-1", _seen(_DROP, **{**_REFUSED, "message": "dial tcp: i/o timeout"}))
