"""Errors that the program prints, and its exit codes. A user never sees a traceback of these errors."""

from __future__ import annotations

import errno
from enum import IntEnum


class ExitCode(IntEnum):
    """The exit code of the program."""

    #: Every chart conforms.
    OK = 0
    #: A rule failed on a chart.
    VIOLATED = 1
    #: Ctrl-C, SIGTERM or SIGHUP ended the run.
    INTERRUPTED = 2
    #: The suite or its environment broke.
    BROKEN = 3
    #: The command line, or a file that it names, is wrong.
    USAGE = 4
    #: No rule reached a verdict.
    NOTHING = 5


class SuiteError(Exception):
    """The suite or its environment failed, so nothing is known about the chart (exit code 3)."""

    exit_code = ExitCode.BROKEN

    def __init__(self, message: str, *, expected: str = "", fix: str = "", details: str = "") -> None:
        """Take what was found where (`message`), the expected state, how to fix it, and the raw evidence."""
        super().__init__(message)
        self.message = message
        self.expected = expected
        self.fix = fix
        self.details = details

    def __str__(self) -> str:
        lines = [self.message]
        lines += [f"  expected   {self.expected}"] if self.expected else []
        lines += [f"  fix        {self.fix}"] if self.fix else []
        lines += [f"  | {line}" for line in self.details.rstrip().splitlines()]
        return "\n".join(lines)


#: What is full or broken here, so that the name of the file is not at fault.
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO})


def cannot_write(file: object, error: OSError) -> SuiteError:
    """Return the error for a file that cannot be written: a usage error unless the disk is full or broken."""
    kind = SuiteError if error.errno in _FULL else UsageError
    return kind(f"cannot write {file}: {error.strerror}")


class UsageError(SuiteError):
    """The command line, or a file that it names, is wrong (exit code 4)."""

    exit_code = ExitCode.USAGE


def install_extra(extra: str) -> str:
    """Return the command that installs an extra. The package is on no index, so it names the checkout."""
    return f"pip install '.[{extra}]' in a checkout of osh-conformance"
