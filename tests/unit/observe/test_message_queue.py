"""What is read from the message queue: users, vhosts and permissions, and no hash of a password."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any, cast

import pytest

from osh_conformance.errors import SuiteError
from osh_conformance.observe.message_queue import MessageQueue

#: As RabbitMQ 3.10.8 exports it, without empty entries.
EXPORTED: dict[str, Any] = {
    "permissions": [{"configure": ".*", "read": ".*", "user": "heat", "vhost": "heat", "write": "^heat"}],
    "queues": [],
    "rabbit_version": "3.10.8",
    "users": [
        {"hashing_algorithm": "x", "limits": {}, "name": "heat", "password_hash": "NSY/OVT9", "tags": []},
        {"hashing_algorithm": "x", "limits": {}, "name": "op", "password_hash": "abc", "tags": ["administrator"]},
    ],
    "vhosts": [{"limits": [], "name": "heat"}, {"limits": [], "name": "/"}],
}


def _state(text: str) -> Any:
    kube = SimpleNamespace(execute=lambda *_where, **_how: text)
    return MessageQueue(kube=cast("Any", kube), namespace="cell", pod="rabbitmq-0", container="rabbitmq").state()


def _exported(**changes: Any) -> Any:
    return _state(json.dumps({**EXPORTED, **changes}))


def test_the_state_has_users_vhosts_and_permissions() -> None:
    state = _exported()
    assert set(state.users) == {"heat", "op"}
    assert state.vhosts == ("/", "heat")
    assert state.permissions == {"heat on heat": "configure .*; write ^heat; read .*"}


def test_a_new_password_changes_the_state_and_its_hash_is_not_in_it() -> None:
    heat = EXPORTED["users"][0]
    changed = _exported(users=[{**heat, "password_hash": "other"}, EXPORTED["users"][1]])
    assert changed.users["heat"] != _exported().users["heat"]
    assert changed.users["op"] == _exported().users["op"]
    assert "NSY/OVT9" not in str(_exported())


def test_new_tags_change_the_state() -> None:
    heat = EXPORTED["users"][0]
    assert _exported(users=[{**heat, "tags": ["administrator"]}]).users["heat"] != _exported().users["heat"]


@pytest.mark.parametrize("text", ["", "Error: secret-hash", json.dumps({"users": [{"password_hash": "secret-hash"}]})])
def test_an_answer_that_is_no_definitions_is_an_error_without_the_answer(text: str) -> None:
    with pytest.raises(SuiteError, match="no definitions") as error:
        _state(text)
    assert "secret-hash" not in f"{error.value} {error.value.details}"
