"""Progress for a person: one line a step, with elapsed time; plain text where nobody watches."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterator


#: Seconds after which whoever watches wants to know what it is that takes so long.
_SLOW = 60.0


@dataclass(slots=True)
class Progress:
    """Prints steps to `stream`. On a terminal a step shows at once and is completed in place when it ends.

    Steps may run side by side in threads: each then keeps lines of its own.
    """

    stream: TextIO = field(default_factory=lambda: sys.stderr)
    quiet: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    #: The step whose line the cursor is still in.
    _unfinished: str = field(default="", repr=False)

    @contextlib.contextmanager
    def step(self, text: str) -> Iterator[None]:
        """Show `text` while the body runs, then how it ended and after how many seconds."""
        started = time.monotonic()
        self._begin(text)
        word = "FAIL"
        try:
            yield
            word = "ok"
        finally:
            self._finish(text, f"  {word:<4} {text}  {time.monotonic() - started:.1f} s")

    @contextlib.contextmanager
    def slow(self, text: str, seconds: float = _SLOW) -> Iterator[None]:
        """Print one line if the body takes longer than that."""
        timer = threading.Timer(seconds, self.say, (f"       {text}: takes more than {seconds:g} s",))
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def say(self, text: str) -> None:
        """Print one line."""
        with self._lock:
            self._write(f"{self._line_break()}{text}\n")

    def _begin(self, text: str) -> None:
        with self._lock:
            if self._is_terminal():
                self._write(f"{self._line_break()}  …    {text}")
                self._unfinished = text
            else:
                self._write(f"  ..   {text}\n")

    def _finish(self, text: str, line: str) -> None:
        with self._lock:
            start = "\r" if self._unfinished == text else self._line_break()
            self._unfinished = ""
            self._write(f"{start}{line}\n")

    def _line_break(self) -> str:
        unfinished, self._unfinished = self._unfinished, ""
        return "\n" if unfinished else ""

    def _is_terminal(self) -> bool:
        return self.stream.isatty() and os.environ.get("TERM") != "dumb" and "CI" not in os.environ

    def _write(self, text: str) -> None:
        if not self.quiet:
            self.stream.write(text)
            self.stream.flush()
