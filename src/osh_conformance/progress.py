"""Progress for a person: one line a step, with elapsed time; plain text where nobody watches."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(slots=True)
class Progress:
    """Prints steps to `stream`. On a terminal a step shows at once and is completed in place when it ends."""

    stream: TextIO = field(default_factory=lambda: sys.stderr)
    quiet: bool = False

    @contextlib.contextmanager
    def step(self, text: str) -> Iterator[None]:
        """Show `text` while the body runs, then how it ended and after how many seconds."""
        started = time.monotonic()
        live = self._is_terminal()
        self._write(f"  …  {text}" if live else f"  ..   {text}", end="" if live else "\n")
        word = "FAIL"
        try:
            yield
            word = "ok"
        finally:
            seconds = time.monotonic() - started
            start = "\r" if live else ""
            self._write(f"{start}  {word:<4} {text}  {seconds:.1f} s")

    def say(self, text: str) -> None:
        """Print one line."""
        self._write(text)

    def _is_terminal(self) -> bool:
        return self.stream.isatty() and os.environ.get("TERM") != "dumb" and "CI" not in os.environ

    def _write(self, text: str, end: str = "\n") -> None:
        if not self.quiet:
            self.stream.write(text + end)
            self.stream.flush()
