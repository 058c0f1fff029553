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


def _seen(workload: str = "none", unsettled: str = "", **changes: object) -> Observation:
    """A release whose pods all have the secret; the containers of `workload` are changed."""
    seen = observation()
    containers = [replace(each, **changes) if each.workload == workload else each for each in seen.containers]  # type: ignore[arg-type]
    lifetimes = [replace(each, unsettled=unsettled) for each in seen.lifetimes]
    return replace(seen, containers=tuple(containers), lifetimes=tuple(lifetimes))


def _refused(seen: Observation) -> Observation:
    """The same, and the registry refused the drop Job's pull."""
    pods = [each.pod for each in seen.containers if each.workload == _DROP]
    return replace(seen, refused_pulls=tuple(pods))


def test_pull_1_passes_a_release_whose_pods_all_have_the_secret() -> None:
    assert_passes("PULL-1", _seen())


def test_pull_1_does_not_apply_where_the_chart_got_no_secret() -> None:
    assert_not_applicable("PULL-1", replace(observation(), pull_secret=""), "got no pull secret")


def test_pull_1_names_a_workload_that_lacks_the_secret_although_its_node_has_the_image() -> None:
    (finding,) = assert_fails("PULL-1", _seen(_DROP, pull_secrets=()), "no imagePullSecrets", key="")
    assert finding.workload == _DROP


def test_pull_1_accuses_no_workload_of_a_dependency() -> None:
    seen = _seen(_DROP, pull_secrets=())
    declared = tuple(
        replace(each, template=f"charts/x/{each.template}") if each.workload == _DROP else each
        for each in seen.declared.containers
    )
    assert_passes("PULL-1", replace(seen, declared=replace(seen.declared, containers=declared)))


@pytest.mark.parametrize("names", [(), ("other",), (PULL_SECRET,)])
def test_pull_1_names_a_workload_whose_pull_was_refused(names: tuple[str, ...]) -> None:
    seen = _refused(_seen(_DROP, pull_secrets=names, unsettled="a pod cannot pull"))
    words = f"imagePullSecrets: {names[0]}" if names else "no imagePullSecrets"
    (finding,) = assert_fails("PULL-1", seen, f"{words}; the registry refused its pull", key="")
    assert finding.workload == _DROP


def test_pull_1_is_undecided_where_the_release_did_not_come_up_for_another_reason() -> None:
    assert_undecided("PULL-1", _seen(unsettled="the database is away"), "the database is away")
