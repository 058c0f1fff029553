"""The message queue and a shared Keystone are read at the moments of a scenario, as far as a cell has them."""

from __future__ import annotations

import contextlib
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any, cast

import pytest

from osh_conformance.errors import SuiteError
from osh_conformance.model.observation import IdentityState, Moment
from osh_conformance.observe import identity
from osh_conformance.scenario import outside, steps
from tests.unit.observations import queue


class State:
    """A scenario; the test sets the answers of its queue and its Keystone."""

    def __init__(self, *, with_queue: bool = True, shared: bool | None = None) -> None:
        self.outside: dict[Moment, Any] = {}
        self.answers: list[object] = []
        self.queue = SimpleNamespace(state=self._answer) if with_queue else None
        known = None if shared is None else SimpleNamespace(shared=shared)
        self.plan = SimpleNamespace(identity=known)
        secrets = SimpleNamespace(redact=lambda text: text.replace("s3cr3t", "***"))
        self.context = SimpleNamespace(kube=None, namespace="cell", secrets=secrets)

    def _answer(self) -> object:
        answer = self.answers.pop(0)
        if isinstance(answer, SuiteError):
            raise answer
        return answer

    @contextlib.contextmanager
    def timed(self, _step: str) -> Any:
        yield

    def record(self, moment: Moment) -> None:
        outside.record(cast("Any", self), moment)


def test_a_cell_without_a_queue_and_with_a_keystone_of_its_own_is_not_read() -> None:
    state = State(with_queue=False, shared=False)
    for moment in Moment:
        state.record(moment)
    assert state.outside == {}


def test_of_several_installs_the_first_counts_and_of_several_uninstalls_the_last() -> None:
    state = State()
    state.answers = [queue(own=False), queue(own=True), queue(own=False), queue(own=True)]
    for moment in (*Moment, *Moment):
        state.record(moment)
    assert [state.outside[moment].queue for moment in Moment] == [queue(own=False), queue(own=True), queue(own=True)]


def test_what_cannot_be_read_is_recorded_without_secrets() -> None:
    state = State()
    state.answers = [SuiteError("rabbitmqctl failed: s3cr3t")]
    state.record(Moment.BEFORE)
    assert state.outside[Moment.BEFORE].unread == "rabbitmqctl failed: ***"


@pytest.mark.parametrize(
    ("answer", "unread"),
    [
        (IdentityState(token_status=201, users=("heat",), shared=True), ""),
        (IdentityState(token_status=503, shared=True), "status 503"),
        (None, "no Service"),
    ],
)
def test_a_shared_keystone_is_read_too(
    monkeypatch: pytest.MonkeyPatch, answer: IdentityState | None, unread: str
) -> None:
    monkeypatch.setattr(identity, "ask", lambda *_: answer)
    state = State(with_queue=False, shared=True)
    state.record(Moment.INSTALLED)
    found = state.outside[Moment.INSTALLED]
    assert unread in found.unread
    assert bool(found.unread) is bool(unread)
    assert found.identity == (None if unread else answer)


def test_a_keystone_that_does_not_answer_keeps_nothing_of_the_queue_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "ask", lambda *_: IdentityState(token_status=503, shared=True))
    state = State(shared=True)
    state.answers = [queue(own=True)]
    state.record(Moment.AFTER)
    found = state.outside[Moment.AFTER]
    assert (found.queue, found.identity) == (queue(own=True), None)
    assert "status 503" in found.unread


def _installed(state: State, unsettled: str) -> State:
    vars(state).update(lifetime=SimpleNamespace(unsettled=unsettled), identity=None, runtime=None)
    vars(state.context).update(runtime_proof=lambda: None)
    steps._observe_release(cast("Any", state), ready=not unsettled)
    return state


def test_a_shared_keystone_is_asked_once_after_the_install(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[IdentityState] = []

    def ask(*_: object) -> IdentityState:
        asked.append(IdentityState(token_status=201, users=("heat",), shared=True))
        return asked[-1]

    monkeypatch.setattr(identity, "ask", ask)
    state: Any = _installed(State(with_queue=False, shared=True), "")
    assert asked == [state.identity] == [state.outside[Moment.INSTALLED].identity]


@pytest.mark.parametrize("status", [201, 503])
def test_a_release_that_did_not_come_up_is_not_judged_without_its_keystone(
    monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setattr(identity, "ask", lambda *_: IdentityState(token_status=status, shared=True))
    without = pytest.raises(
        SuiteError, match=r"did not come up, and the administrator's token .* by Keystone with status 503"
    )
    with without if status != HTTPStatus.CREATED else contextlib.nullcontext():
        _installed(State(with_queue=False, shared=True), "Job/heat-ks-user failed")
