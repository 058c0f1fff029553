"""What is read from Keystone: everything of a cell's own, and of a shared one what the cell registered."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest

from osh_conformance.cluster.api import Answer
from osh_conformance.errors import SuiteError
from osh_conformance.observe.identity import IdentityService, ask

SERVICE = IdentityService(
    service="keystone-api", port=5000, username="admin", password="p", project="admin", domain="Default"
)
SHARED = replace(SERVICE, namespace="shared-1", unique="cell-aa")


class Kube:
    """Answers as an API server in front of a Keystone in which two cells have registered."""

    def __init__(
        self,
        *,
        status: int = 201,
        services: tuple[str, ...] = ("keystone-api",),
        lists: int = 200,
        instead: tuple[str, str] = ("", ""),
    ) -> None:
        """`instead`: the end of a path, and what the API server answers to requests for it."""
        self.status = status
        self.instead = instead
        self.lists = lists
        self.services = services
        self.asked: set[str] = set()

    def list(self, path: str) -> list[Any]:
        self.asked.add(path)
        return [{"metadata": {"name": name}} for name in self.services]

    def request_service(self, namespace: str, *_where: object, **_what: object) -> object:
        _service, _port, _method, path = _where
        self.asked.add(namespace)
        kind = str(path).rpartition("/")[2]
        if kind == self.instead[0]:
            status = {"kind": "Status", "apiVersion": "v1", "message": self.instead[1]}
            return Answer(status=503, headers={}, body=status)
        if kind == "tokens":
            return Answer(status=self.status, headers={"X-Subject-Token": "t"}, body={})
        return Answer(status=self.lists, headers={}, body={kind: LISTED[kind]})


def _service(number: str, name: str, kind: str) -> dict[str, str]:
    return {"id": number, "name": name, "type": kind}


LISTED: dict[str, Any] = {
    "users": [{"name": "admin"}, {"name": "keystone"}, {"name": "heat-cell-aa"}, {"name": "heat-cell-bb"}],
    "services": [
        _service("1", "keystone", "identity"),
        _service("2", "heat-cell-aa", "orchestration"),
        _service("3", "heat-cell-bb", "orchestration"),
        _service("4", "heat-cfn", "cloudformation"),
    ],
    "endpoints": [
        {"service_id": "1", "interface": "public", "url": "http://k", "region_id": "RegionOne"},
        {"service_id": "2", "interface": "public", "url": "http://heat.cell-aa", "region_id": "cell-aa"},
        {"service_id": "3", "interface": "public", "url": "http://heat.cell-bb", "region_id": "cell-bb"},
        {"service_id": "4", "interface": "public", "url": "http://cfn", "region_id": "cell-aa"},
    ],
}


def _ask(kube: Kube, identity: IdentityService) -> Any:
    return ask(cast("Any", kube), "cell", identity)


def test_a_cells_own_keystone_is_asked_for_everything() -> None:
    kube = Kube()
    state = _ask(kube, SERVICE)
    assert state.users == ("admin", "heat-cell-aa", "heat-cell-bb", "keystone")
    assert (len(state.services), len(state.endpoints), state.shared) == (4, 4, False)
    assert "cell" in kube.asked


def test_a_shared_keystone_is_asked_in_its_namespace_for_what_the_cell_registered() -> None:
    kube = Kube()
    state = _ask(kube, SHARED)
    assert state.users == ("heat-{unique}",)
    assert state.services == ("heat-cfn (cloudformation)", "heat-{unique} (orchestration)")
    assert state.endpoints == ("cloudformation public http://cfn", "orchestration public http://heat.{unique}")
    assert state.shared
    assert "shared-1" in kube.asked
    assert "cell" not in kube.asked


def test_a_namespace_without_the_service_has_no_keystone_to_ask() -> None:
    assert _ask(Kube(services=("heat-api",)), SERVICE) is None


def test_a_refused_token_is_the_whole_answer() -> None:
    state = _ask(Kube(status=401), SHARED)
    assert (state.token_status, state.users, state.shared) == (401, (), True)


def test_a_shared_keystone_that_lists_nothing_is_no_fault_of_the_cells_chart() -> None:
    with pytest.raises(SuiteError, match="did not list its users: it answered with status 503"):
        _ask(Kube(lists=503), SHARED)
    assert _ask(Kube(lists=503), SERVICE).users == ()


@pytest.mark.parametrize(
    "words",
    [
        'services "keystone-api" not found',
        'no endpoints available for service "keystone-api"',
        'no service port 5000 found for service "keystone-api"',
    ],
)
@pytest.mark.parametrize("path", ["tokens", "users"])
def test_the_api_servers_word_is_not_taken_for_keystones(path: str, words: str) -> None:
    state = _ask(Kube(instead=(path, words)), SERVICE)
    assert (state.token_status, state.unasked, state.silent, state.answered) == (0, words, "", False)


def test_a_keystone_that_does_not_answer_the_api_server_is_there() -> None:
    words = "error trying to reach service: dial tcp 10.0.0.1:5000: connect: connection refused"
    state = _ask(Kube(instead=("tokens", words)), SERVICE)
    assert (state.token_status, state.unasked, state.silent) == (0, "", words)
    assert state.answer == f"got no answer of Keystone: {words}"


def test_the_api_servers_word_says_why_a_shared_keystone_was_not_asked() -> None:
    state = _ask(Kube(instead=("services", "no endpoints available")), SHARED)
    assert (state.answer, state.shared) == ("got no answer of Keystone: no endpoints available", True)
