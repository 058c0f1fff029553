"""How the program ends when something goes wrong that no verb expects: one line, a file for the bug report, code 3."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from typing import TYPE_CHECKING

from osh_conformance.errors import SuiteError
from osh_conformance.plain import plain, plain_lines
from osh_conformance.report.destination import discard_output

if TYPE_CHECKING:
    from collections.abc import Sequence

#: The environment or the user is at fault, and the message says how: no bug of ours.
_EXPLAINED = frozenset(
    {errno.EACCES, errno.EPERM, errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EBADF, errno.EMFILE}
)


def open_streams() -> None:
    """Give a standard stream that was closed before the program started a harmless end, and let each take any text.

    A file that is opened later would else become the standard output or error of the programs that the suite starts.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError):  # a stream of a test, or none
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


def check_output() -> None:
    """Raise `SuiteError` where standard output was closed: no report could be read."""
    if sys.stdout is None:
        raise SuiteError("standard output is closed", expected="somewhere to print the report", fix=">/dev/null")


def flush() -> None:
    """Write what is left of the output; raises `SuiteError` where nothing takes it."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        discard_output()
        raise of_output(error) from error


def of_output(error: OSError) -> SuiteError:
    """Return the error for output that cannot be written."""
    return SuiteError(f"cannot write to standard output: {error.strerror}", fix="make room, or name another place")


def unexpected(error: Exception, words: Sequence[str]) -> SuiteError:
    """Return one line about an exception that nothing expected, and write a file for the report of the bug."""
    if isinstance(error, OSError) and error.errno in _EXPLAINED:
        if error.filename is None:
            discard_output()
            return of_output(error)
        return SuiteError(f"{error.filename}: {error.strerror}")
    named = f"osh-conformance broke: {type(error).__name__}: {error}".rstrip(": ")
    # Only a run that breaks pays for this import.
    from osh_conformance.cli import bug_report  # noqa: PLC0415

    report = bug_report.text(error, words)
    file = bug_report.written(report)
    if file is None:
        return SuiteError(plain(named), fix="report this bug", details=report)
    return SuiteError(plain(named), fix=f"report this bug, with {file}")


def tell(error: SuiteError) -> None:
    """Print an error to stderr, if anything takes it."""
    with contextlib.suppress(OSError, ValueError):
        print(plain_lines(f"ERROR {error}"), file=sys.stderr, flush=True)
