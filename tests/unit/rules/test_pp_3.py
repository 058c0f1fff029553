"""PP-3: the nodes follow the pull policy."""

from __future__ import annotations

from dataclasses import replace

from osh_conformance.model.observation import PodNode
from tests.unit.mutations import pull
from tests.unit.observations import observation
from tests.unit.rules.verdicts import assert_fails, assert_not_applicable


def test_pp_3_does_not_apply_without_a_registry_of_the_suite() -> None:
    assert_not_applicable("PP-3", replace(observation(), pulls=()), "no registry of the suite")


def test_pp_3_reports_start_and_request_separately() -> None:
    seen = pull("never-absent", started=True, reason="", requests=("GET a 200",))(observation())
    assert_fails("PP-3", seen, "the container started", "the registry received GET a 200", key="")


def test_pp_3_names_the_runtime_of_the_node_on_which_the_probe_ran() -> None:
    seen = replace(pull("always-present", requests=())(observation()), node_runtime="containerd://2 or cri-o://1")
    assert_fails("PP-3", seen, "under containerd://2 or cri-o://1", key="")
    seen = replace(seen, pod_nodes=(PodNode(pod="always-present", node="b", runtime="cri-o://1"),))
    assert_fails("PP-3", seen, "under cri-o://1", key="")
