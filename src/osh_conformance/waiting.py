"""Waiting: for a condition, with a deadline; and for Ctrl-C, SIGTERM or SIGHUP, which end a run in order."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from typing import TYPE_CHECKING, TypeVar

from osh_conformance.errors import ExitCode, SuiteError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

#: Ctrl-C, a polite end, and a terminal that is gone.
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
T = TypeVar("T")


class CancelledError(SuiteError):
    """The run was interrupted."""


class WaitTimeoutError(SuiteError):
    """A condition did not become true before its deadline."""


def until(  # noqa: PLR0913
    condition: Callable[[], T | None],
    what: str,
    *,
    deadline: float,
    pause: float = 0.2,
    cancel: threading.Event | None = None,
    state: Callable[[], str] = lambda: "",
) -> T:
    """Call `condition` every `pause` seconds until it returns a true value, and return that value.

    `what` completes "waiting for ...". Raises `CancelledError` once `cancel` is set, and `WaitTimeoutError` after
    `deadline` seconds, with the text of `state()` in its details. The condition is always called at least once.
    Use it only for things that report no change by themselves; a watch is better where there is one.
    """
    ends = time.monotonic() + deadline
    interrupted = cancel or threading.Event()
    while True:
        value = condition()
        if value:
            return value
        if interrupted.is_set():
            raise CancelledError("interrupted")
        if time.monotonic() > ends:
            raise WaitTimeoutError(f"timed out after {deadline:g} s waiting for {what}", details=state())
        interrupted.wait(pause)


class _Handler:
    """Raises `KeyboardInterrupt` on the first signal, and ends the process on the second."""

    def __init__(self) -> None:
        self._interrupted = False

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        if self._interrupted:
            os.write(2, b"\ninterrupted again: ending at once; `osh-conformance gc` removes what is left\n")
            os._exit(ExitCode.INTERRUPTED)
        self._interrupted = True
        raise KeyboardInterrupt


@contextlib.contextmanager
def orderly() -> Iterator[None]:
    """Raise `KeyboardInterrupt` on the first SIGINT, SIGTERM or SIGHUP within the body; end this process on the next.

    `gc` removes what the second signal leaves behind. SIGHUP stays ignored where `nohup` ignores it. Signals belong to
    the main thread: in any other thread, and within another `orderly`, this changes nothing.
    """
    nested = isinstance(signal.getsignal(signal.SIGINT), _Handler)
    if nested or threading.current_thread() is not threading.main_thread():
        yield
        return
    handler = _Handler()
    heard = (each for each in _SIGNALS if each != signal.SIGHUP or signal.getsignal(each) != signal.SIG_IGN)
    before = {number: signal.signal(number, handler) for number in heard}
    try:
        yield
    finally:
        for number, handler_before in before.items():
            signal.signal(number, handler_before)
