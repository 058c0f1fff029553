"""What a release creates outside its namespace and the database server, at the moments of a scenario."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from osh_conformance.errors import SuiteError
from osh_conformance.model.observation import Moment, OutsideState
from osh_conformance.observe import identity

if TYPE_CHECKING:
    from collections.abc import Callable

    from osh_conformance.model.observation import IdentityState, QueueState
    from osh_conformance.scenario.state import ScenarioState

_Read = TypeVar("_Read")


def record(state: ScenarioState, moment: Moment) -> None:
    """Read the message queue, and what the cell registered in a Keystone that it shares, as far as it has them.

    The first install and the last uninstall count. If one of the two cannot be read, the reason is recorded, and the
    other is read all the same.
    """
    if state.queue is None and not _shares_keystone(state):
        return
    if moment is not Moment.AFTER and moment in state.outside:
        return
    with state.timed("message queue and Keystone"):
        unread: list[str] = []
        queue, found = _read(state, _queue, unread), _read(state, _identity, unread)
        state.outside[moment] = OutsideState(queue=queue, identity=found, unread="; ".join(unread))


def _read(state: ScenarioState, read: Callable[[ScenarioState], _Read], unread: list[str]) -> _Read | None:
    try:
        return read(state)
    except SuiteError as error:
        unread.append(state.context.secrets.redact(error.message))
        return None


def _shares_keystone(state: ScenarioState) -> bool:
    return bool(state.plan.identity and state.plan.identity.shared)


def _queue(state: ScenarioState) -> QueueState | None:
    return state.queue.state() if state.queue else None


def _identity(state: ScenarioState) -> IdentityState | None:
    if state.plan.identity is None or not state.plan.identity.shared:
        return None
    found = identity.ask(state.context.kube, state.context.namespace, state.plan.identity)
    if found is None:
        raise SuiteError("the Keystone that the cells share has no Service any more")
    if not found.answered:
        raise SuiteError(f"the administrator's token request {found.answer}")
    return found
