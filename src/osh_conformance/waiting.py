"""Ctrl-C and SIGTERM: the first ends the run in order, a second one at once."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

#: The exit code of an interrupted run.
INTERRUPTED = 2
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def orderly() -> Iterator[None]:
    """Within the body the first SIGINT or SIGTERM raises `KeyboardInterrupt`; the next ends this process.

    What the second one leaves, `gc` finds. Only the main thread can do this; elsewhere it changes nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    seen = False

    def handle(_number: int, _frame: FrameType | None) -> None:
        nonlocal seen
        if seen:
            os.write(2, b"\ninterrupted again: ending at once; `osh-conformance gc` removes what is left\n")
            os._exit(INTERRUPTED)
        seen = True
        raise KeyboardInterrupt

    before = {number: signal.signal(number, handle) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
