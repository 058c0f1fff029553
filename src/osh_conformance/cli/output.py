"""The options for output that verbs share, and the files that they name."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self, TextIO

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from osh_conformance.errors import SuiteError


def add_options(parser: argparse.ArgumentParser) -> None:
    """Offer `--json`, `--junit` and `--strict`, which is None where the command line says nothing."""
    import argparse  # noqa: PLC0415

    group = parser.add_argument_group("output")
    group.add_argument(
        "--json", type=Path, metavar="FILE", help="write everything as one JSON document, whatever happens"
    )
    group.add_argument("--junit", type=Path, metavar="FILE", help="write JUnit XML, whatever happens")
    group.add_argument("--strict", action=argparse.BooleanOptionalAction, default=None, help="warnings fail")


class Patience:
    """Says on `stream` how far a run is, once it takes longer than a moment; ever more rarely where nobody watches."""

    def __init__(self, text: Callable[[], str], stream: TextIO | None = None, after: float = 2.0) -> None:
        """Prepare to print what `text` returns, `after` seconds from the start for the first time."""
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
        watched = self._stream.isatty() and os.environ.get("TERM") != "dumb" and "CI" not in os.environ
        pause, told = self._after, False
        while not self._done.wait(pause):
            line = f"  ..   {self._text()}  {time.monotonic() - started:.0f} s"
            self._write(f"\r{line}\033[K" if watched else f"{line}\n")
            pause, told = (0.5, True) if watched else (pause * 2, False)
        if told:
            self._write("\r\033[K")

    def _write(self, text: str) -> None:
        with contextlib.suppress(OSError, ValueError):  # nobody reads it any more
            self._stream.write(text)
            self._stream.flush()


def check_writable(args: argparse.Namespace) -> None:
    """Make the folders of the files that `args` name; raises `UsageError` where one could not be written at the end."""
    from osh_conformance.errors import UsageError  # noqa: PLC0415  (`--help` waits for nothing)

    for file in (args.json, args.junit):
        if file is None:
            continue
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.open("ab").close()
        except OSError as error:
            raise UsageError(f"cannot write {file}: {error.strerror}") from error


def write_error(args: argparse.Namespace, error: SuiteError) -> None:
    """Write the files that `args` ask for with nothing but `error` in them."""
    from osh_conformance.report import json_document, junit  # noqa: PLC0415  (only a run that broke needs them)
    from osh_conformance.report.result import RunReport, error_finding  # noqa: PLC0415

    if getattr(args, "json", None):
        run = RunReport(target={"verb": args.verb}, errors=[error_finding(error)])
        run.finish()
        json_document.write(run, args.json)
    if getattr(args, "junit", None):
        junit.write_error(args.junit, args.verb, str(error))
