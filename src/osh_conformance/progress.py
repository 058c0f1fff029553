"""Progress lines: one for each step, with the elapsed time. On a terminal a line is completed in place."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TextIO, TypeVar

from osh_conformance.plain import plain, plain_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_Item = TypeVar("_Item")
#: Seconds after which a slow step is announced.
_SLOW = 60.0
#: Seconds between two lines about many items.
_OFTEN = 2.0


@dataclass(slots=True)
class Progress:
    """Prints steps to `stream`. On a terminal a step appears at once, and its line is completed when it ends.

    Steps may run in several threads at the same time; each then has separate lines.
    """

    stream: TextIO = field(default_factory=lambda: sys.stderr)
    quiet: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    #: The step whose line has no line break yet.
    _unfinished: str = field(default="", repr=False)

    @contextlib.contextmanager
    def step(self, text: str) -> Iterator[None]:
        """Print `text` when the body starts, then the result and the seconds it took."""
        started = time.monotonic()
        self._begin(text)
        word = "FAIL"
        try:
            yield
            word = "ok"
        finally:
            self._finish(text, f"  {word:<4} {text}  {time.monotonic() - started:.1f} s")

    def each(self, text: str, items: Mapping[str, _Item]) -> Iterator[_Item]:
        """Yield the items. If that takes long, print a line every few seconds, with the name of the next one."""
        started = told = time.monotonic()
        for number, (name, item) in enumerate(items.items(), start=1):
            if time.monotonic() - told > _OFTEN:
                told = time.monotonic()
                self.say(f"  ..   {text}: {name}, {number} of {len(items)}")
            yield item
        if told > started:
            self.say(f"  ok   {text}: {len(items)} in {time.monotonic() - started:.1f} s")

    @contextlib.contextmanager
    def slow(self, text: str, seconds: float = _SLOW) -> Iterator[None]:
        """Print one line if the body takes longer than `seconds`."""
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
            self._write(f"{self._line_break()}{plain_lines(text)}\n")

    def _begin(self, text: str) -> None:
        with self._lock:
            if self._is_terminal():
                self._write(f"{self._line_break()}  …    {plain(text)}")
                self._unfinished = text
            else:
                self._write(f"  ..   {plain(text)}\n")

    def _finish(self, text: str, line: str) -> None:
        with self._lock:
            start = "\r" if self._unfinished == text else self._line_break()
            self._unfinished = ""
            self._write(f"{start}{plain(line)}\n")

    def _line_break(self) -> str:
        unfinished, self._unfinished = self._unfinished, ""
        return "\n" if unfinished else ""

    def _is_terminal(self) -> bool:
        return self.stream.isatty() and os.environ.get("TERM") != "dumb" and "CI" not in os.environ

    def _write(self, text: str) -> None:
        if not self.quiet:
            self.stream.write(text)
            self.stream.flush()
