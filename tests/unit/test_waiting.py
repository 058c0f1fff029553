"""Waiting for a condition: its value, its deadline, its end on a cancelled run."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from osh_conformance.waiting import CancelledError, WaitTimeoutError, orderly, until


def test_until_returns_the_first_true_value() -> None:
    answers = iter(["", "", "ready"])
    assert until(lambda: next(answers), "it", deadline=10, pause=0) == "ready"


def test_until_names_what_it_waited_for_and_the_last_state() -> None:
    with pytest.raises(WaitTimeoutError, match="timed out after 0 s waiting for the server to answer") as raised:
        until(lambda: False, "the server to answer", deadline=0, pause=0.01, state=lambda: "refused")
    assert raised.value.details == "refused"


def test_until_ends_as_soon_as_the_run_is_cancelled() -> None:
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(CancelledError):
        until(lambda: False, "it", deadline=60, pause=60, cancel=cancel)


def test_until_asks_once_even_if_the_run_is_cancelled() -> None:
    cancel = threading.Event()
    cancel.set()
    assert until(lambda: True, "it", deadline=0, cancel=cancel)


def test_orderly_raises_on_the_first_signal_and_ends_the_process_on_the_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    codes: list[int] = []
    monkeypatch.setattr(os, "_exit", codes.append)

    def interrupt_twice() -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            os.kill(os.getpid(), signal.SIGINT)

    with orderly(), pytest.raises(KeyboardInterrupt):
        interrupt_twice()
    assert codes == [2]


def test_orderly_within_orderly_keeps_the_outer_handlers() -> None:
    with orderly():
        outer = signal.getsignal(signal.SIGTERM)
        with orderly():
            assert signal.getsignal(signal.SIGTERM) is outer
        assert signal.getsignal(signal.SIGTERM) is outer
    assert signal.getsignal(signal.SIGTERM) is not outer
