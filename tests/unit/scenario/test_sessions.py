"""What keeps a database from being dropped; no server."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, cast

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
