"""Errors that end a run with a message. Users never see a traceback of these."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of the program; pytest's own."""

    OK = 0
    VIOLATED = 1
    INTERRUPTED = 2
    BROKEN = 3
    USAGE = 4
    NOTHING = 5


class SuiteError(Exception):
    """The suite or its environment failed, so nothing is known about the chart (exit code 3)."""

    exit_code = 3

    def __init__(self, message: str, *, expected: str = "", fix: str = "", details: str = "") -> None:
        """Take the problem and its place (`message`), the expected state, the fix, and the raw evidence."""
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


class UsageError(SuiteError):
    """The command line, or a file that it names, is not valid (exit code 4)."""

    exit_code = 4
