"""A line on stderr that shows how far a long run is."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from typing import TYPE_CHECKING, Self, TextIO

from osh_conformance.plain import plain
from osh_conformance.progress import is_redrawn
from osh_conformance.report.words import clipped, terminal_width

if TYPE_CHECKING:
    from collections.abc import Callable


#: Seconds between two lines, at most, where each is a new one.
_RAREST = 60.0


class StatusLine:
    """Prints how far a run is: on a terminal twice a second on one line, elsewhere on new lines, ever more rarely."""

    def __init__(self, text: Callable[[], str], stream: TextIO | None = None, after: float = 2.0) -> None:
        """Prepare to print what `text` returns, first `after` seconds from the start."""
        self._text = text
        self._stream = stream or sys.stderr
        self._after = after
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        started = time.monotonic()
        on_terminal = is_redrawn(self._stream)
        pause, written = self._after, False
        while not self._done.wait(pause):
            line = f"  ..   {plain(self._text())}  {time.monotonic() - started:.0f} s"
            # A line that wraps could not be written over.
            line = clipped(line, terminal_width(self._stream) - 1) if on_terminal else line
            self._write(f"\r{line}\033[K" if on_terminal else f"{line}\n")
            pause, written = (0.5, True) if on_terminal else (min(pause * 2, _RAREST), False)
        if written:
            self._write("\r\033[K")

    def _write(self, text: str) -> None:
        with contextlib.suppress(OSError, ValueError):  # the reader may have gone
            self._stream.write(text)
            self._stream.flush()
