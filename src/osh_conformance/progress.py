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
    from collections.abc import Callable, Iterator, Mapping

_Item = TypeVar("_Item")
#: Seconds after which a slow step is announced.
_SLOW = 60.0
#: Seconds between two looks at what everybody does.
_OFTEN_ON_TERMINAL, _OFTEN_ELSEWHERE = 20.0, 60.0
_MINUTE = 60
#: Seconds between two lines about many items.
_OFTEN = 2.0


def duration(seconds: float) -> str:
    """Return a time in seconds, or from two minutes on in minutes."""
    return f"{seconds:.0f} s" if seconds < 2 * _MINUTE else f"{seconds / _MINUTE:.0f} min"


def is_redrawn(stream: TextIO) -> bool:
    """Whether a line on `stream` can be written over: a terminal shows it, and no log of a CI system."""
    return stream.isatty() and os.environ.get("TERM") != "dumb" and "CI" not in os.environ


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
    #: What everybody does, and since when.
    _now: dict[str, tuple[str, float]] = field(default_factory=dict, repr=False)

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

    @contextlib.contextmanager
    def doing(self, who: str, what: str) -> Iterator[None]:
        """Note that `who` does `what` while the body lasts, for `watching`; an inner one counts while it lasts."""
        before = self._now.get(who)
        self._now[who] = (what, time.monotonic())
        try:
            yield
        finally:
            if before:
                self._now[who] = before
            else:
                self._now.pop(who, None)

    @contextlib.contextmanager
    def watching(self, noun: str, total: int, done: Callable[[], int], every: float | None = None) -> Iterator[None]:
        """Print now and then how many of the `total` are done, the time left, and what each `doing` does now."""
        ended = threading.Event()
        pause = every or (_OFTEN_ON_TERMINAL if is_redrawn(self.stream) else _OFTEN_ELSEWHERE)
        started = time.monotonic()

        def watch() -> None:
            while not ended.wait(pause):
                self.say("\n".join(self._state(noun, total, done(), time.monotonic() - started)))

        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _state(self, noun: str, total: int, done: int, seconds: float) -> Iterator[str]:
        left = f", about {duration(seconds / done * (total - done))} left" if 0 < done < total else ""
        yield f"  ..   {done} of {total} {noun} done in {duration(seconds)}{left}"
        now = time.monotonic()
        for who, (what, since) in sorted(self._now.items()):
            yield f"       {who}: {what}, for {duration(now - since)}"

    def say(self, text: str) -> None:
        """Print one line."""
        with self._lock:
            self._write(f"{self._line_break()}{plain_lines(text)}\n")

    def _begin(self, text: str) -> None:
        with self._lock:
            if is_redrawn(self.stream):
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

    def _write(self, text: str) -> None:
        if not self.quiet:
            self.stream.write(text)
            self.stream.flush()
