"""DROP-8: the uninstall also removes what the release created outside the database server, or the chart says so."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from osh_conformance.model.chart import KEEPS, MESSAGE_QUEUE
from osh_conformance.model.observation import IdentityState, Moment, OutsideState
from tests.unit.mutations import changed, outside, removal
from tests.unit.observations import observation, queue
from tests.unit.rules.verdicts import (
    assert_fails,
    assert_not_applicable,
    assert_passes,
    assert_undecided,
    assert_warns,
)

if TYPE_CHECKING:
    from osh_conformance.model.observation import Observation, QueueState

GONE, THERE = queue(own=False), queue(own=True)
NOTHING = IdentityState(token_status=201, administrator="admin", shared=True)
REGISTERED = replace(
    NOTHING,
    users=("heat-{unique}",),
    services=("heat-{unique} (orchestration)",),
    endpoints=("orchestration public http://heat.cell-1:8004", "orchestration internal http://heat.cell-1:8004"),
)


def with_keystone(seen: Observation, after: IdentityState, *, with_queue: bool = True) -> Observation:
    """The observation of a chart that registered in a Keystone that cells share."""
    states = {Moment.BEFORE: NOTHING, Moment.INSTALLED: REGISTERED, Moment.AFTER: after}
    return replace(
        seen,
        outside={
            moment: OutsideState(queue=seen.outside[moment].queue if with_queue else None, identity=state)
            for moment, state in states.items()
        },
    )


def keeping(seen: Observation) -> Observation:
    return replace(seen, declared=replace(seen.declared, keeps=(MESSAGE_QUEUE,)))


# -- the message queue ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("db_drop", [True, False])
def test_drop_8_accepts_a_queue_that_follows_the_switch(*, db_drop: bool) -> None:
    assert_passes("DROP-8", observation(db_drop=db_drop))


@pytest.mark.parametrize(
    ("left", "text"),
    [
        ({"users": {**GONE.users, "keystone": "tags none; login 1"}}, "user keystone"),
        ({"vhosts": (*GONE.vhosts, "keystone")}, "vhost keystone"),
        ({"permissions": {**GONE.permissions, "keystone on /": "read .*"}}, "permission of keystone on /"),
    ],
)
def test_drop_8_fails_each_thing_that_is_left(left: dict[str, object], text: str) -> None:
    seen = outside(after=OutsideState(queue=replace(GONE, **left)))(observation())  # type: ignore[arg-type]
    assert_fails("DROP-8", seen, f"still there on the message queue after helm uninstall: {text}")


def test_drop_8_warns_of_what_a_chart_says_that_it_keeps() -> None:
    seen = keeping(outside(after=OutsideState(queue=THERE))(observation()))
    (finding,) = assert_warns("DROP-8", seen, "kept on the message queue after helm uninstall: permission")
    assert KEEPS in finding.why


def test_drop_8_does_not_excuse_a_change_of_others_by_what_a_chart_keeps() -> None:
    seen = keeping(outside(after=OutsideState(queue=_without(GONE, "neighbour")))(observation()))
    assert_fails(
        "DROP-8",
        seen,
        "permission of neighbour on neighbour of another service is gone",
        "user neighbour of another service is gone",
        "vhost neighbour of another service is gone",
    )


def _without(state: QueueState, name: str) -> QueueState:
    return replace(
        state,
        users={user: login for user, login in state.users.items() if user != name},
        vhosts=tuple(vhost for vhost in state.vhosts if vhost != name),
        permissions={key: what for key, what in state.permissions.items() if not key.startswith(name)},
    )


@pytest.mark.parametrize("db_drop", [True, False])
def test_drop_8_fails_another_password_of_another_service(*, db_drop: bool) -> None:
    seen = observation(db_drop=db_drop)
    now = seen.outside[Moment.AFTER].queue
    assert now is not None
    after = replace(now, users={**now.users, "neighbour": "tags none; login 2"})
    assert_fails(
        "DROP-8", outside(after=OutsideState(queue=after))(seen), "user neighbour of another service has changed"
    )


def test_drop_8_fails_what_is_gone_although_the_switch_is_off() -> None:
    seen = outside(after=OutsideState(queue=GONE))(observation(db_drop=False))
    assert_fails(
        "DROP-8", seen, "permission of keystone on keystone is gone", "user keystone is gone", "vhost keystone is gone"
    )


# -- Keystone ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("with_queue", [True, False])
def test_drop_8_warns_of_the_entries_that_stay_in_keystone(*, with_queue: bool) -> None:
    seen = with_keystone(observation(), REGISTERED, with_queue=with_queue)
    text = (
        "kept in Keystone after helm uninstall: user heat-{unique}, service heat-{unique} (orchestration), 2 endpoints"
    )
    assert_warns("DROP-8", seen, text)


def test_drop_8_accepts_a_chart_that_removes_its_entries() -> None:
    assert_passes("DROP-8", with_keystone(observation(), NOTHING))


def test_drop_8_accepts_entries_that_stay_with_the_switch_off() -> None:
    assert_passes("DROP-8", with_keystone(observation(db_drop=False), REGISTERED))


def test_drop_8_fails_an_entry_that_is_gone_although_the_switch_is_off() -> None:
    seen = with_keystone(observation(db_drop=False), replace(REGISTERED, users=()))
    assert_fails("DROP-8", seen, "user heat-{unique} is gone from Keystone")


# -- no verdict ----------------------------------------------------------------------------------------------------


def test_drop_8_does_not_apply_to_a_cell_without_a_queue_and_a_keystone() -> None:
    assert_not_applicable("DROP-8", replace(observation(), outside={}), "no message queue")


def test_drop_8_does_not_apply_to_a_chart_that_adds_nothing() -> None:
    seen = outside(installed=OutsideState(queue=GONE))(observation())
    assert_not_applicable("DROP-8", seen, "added nothing")


@pytest.mark.parametrize("moment", [moment.value for moment in Moment])
def test_drop_8_is_undecided_if_a_server_could_not_be_read(moment: str) -> None:
    seen = outside(**{moment: OutsideState(unread="`rabbitmqctl` did not end within 120 s")})(observation())
    assert_undecided("DROP-8", seen, "`rabbitmqctl` did not end")


@pytest.mark.parametrize("left", [True, False])
def test_drop_8_judges_the_queue_if_only_keystone_could_not_be_read(*, left: bool) -> None:
    after = OutsideState(queue=THERE if left else GONE, unread="Keystone answered with status 503")
    seen = outside(after=after)(with_keystone(observation(), NOTHING))
    if left:
        assert_fails("DROP-8", seen, "still there on the message queue after helm uninstall: permission")
    else:
        assert_undecided("DROP-8", seen, "status 503")


def test_drop_8_is_undecided_if_the_release_did_not_come_up() -> None:
    assert_undecided("DROP-8", changed(observation(), unsettled="pod api: crash"), "did not come up")


def test_drop_8_leaves_a_failed_uninstall_to_drop_4() -> None:
    seen = outside(after=OutsideState(queue=THERE))(observation())
    failed = removal(call=replace(seen.removals[0].call, code=1))(seen)
    assert_undecided("DROP-8", failed, "exit code 1 (see DROP-4)")
