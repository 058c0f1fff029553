"""Sessions: the statements that keep a database from being dropped, and closing them; no server."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from osh_conformance.errors import SuiteError
from osh_conformance.scenario import sessions
from tests.unit.observations import NEIGHBOUR, observation, state

if TYPE_CHECKING:
    from osh_conformance.model.observation import DatabaseState, ReleaseLifetime
    from osh_conformance.scenario.state import ScenarioState


@dataclass(kw_only=True)
class FakeRun:
    """A release on a server that holds `held`, and takes down what is changed."""

    held: DatabaseState
    lifetime: ReleaseLifetime = field(default_factory=lambda: observation().lifetimes[0])
    changes: list[str] = field(default_factory=list)

    @property
    def server(self) -> FakeRun:
        return self

    def read_database(self) -> DatabaseState:
        return self.held

    def change(self, sql: str) -> str:
        self.changes.append(sql)
        return ""


def _reading(fake: FakeRun) -> str:
    return sessions.reading(cast("ScenarioState", fake))


def test_a_table_of_each_database_of_the_release_is_read() -> None:
    fake = FakeRun(held=state(own=True))
    assert _reading(fake) == "START TRANSACTION; SELECT 1 FROM `keystone`.`user` LIMIT 1;"
    assert fake.changes == []


def test_a_database_without_a_table_gets_one_to_read() -> None:
    fake = FakeRun(held=replace(state(own=True), databases={**NEIGHBOUR, "keystone": {}}))
    assert _reading(fake) == "START TRANSACTION; SELECT 1 FROM `keystone`.`osh_conformance_read` LIMIT 1;"
    assert fake.changes == ["CREATE TABLE `keystone`.`osh_conformance_read` (id INT PRIMARY KEY);"]


def test_a_database_that_is_gone_cannot_be_read() -> None:
    assert _reading(FakeRun(held=state(own=False))) == "START TRANSACTION;"


class FakeControl:
    """A server whose first `failing` attempts to close a session fail."""

    def __init__(self, failing: int) -> None:
        self.failing = failing
        self.calls: list[str] = []

    def run(self, argv: list[str]) -> str:
        self.calls.append(argv[1])
        if argv[1] == "close" and self.calls.count("close") <= self.failing:
            raise SuiteError("the kubelet does not answer")
        return ""


def _lock(control: FakeControl, cancel: threading.Event | None = None) -> None:
    server = FakeRun(held=state(own=True))
    context = SimpleNamespace(cancel=cancel or threading.Event())
    parts = {"read_database": server.read_database, "lifetime": server.lifetime, "server": server}
    run: Any = SimpleNamespace(control=control, context=context, **parts)
    with sessions.locked(run):
        control.calls.append("body")


def test_a_lock_is_closed_as_soon_as_the_node_runs_commands_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "_PAUSE", 0.0)
    control = FakeControl(failing=2)
    _lock(control)
    assert control.calls == ["open", "body", "close", "close", "close"]


def test_a_lock_that_stays_open_is_an_error_with_the_last_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "_PAUSE", 0.0)
    monkeypatch.setattr(sessions, "_CLOSES_WITHIN", 0.0)
    with pytest.raises(SuiteError, match="session lock to close") as raised:
        _lock(FakeControl(failing=1000))
    assert "the kubelet does not answer" in raised.value.details


def test_a_lock_that_stays_open_in_an_interrupted_run_is_no_error() -> None:
    cancel = threading.Event()
    cancel.set()
    control = FakeControl(failing=1000)
    _lock(control, cancel)
    assert control.calls == ["open", "body", "close"]
