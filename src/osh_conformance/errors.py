"""What the suite says when it cannot go on. A user never sees a traceback of these."""

from __future__ import annotations


class SuiteError(Exception):
    """The suite or its environment broke: nothing is known about the chart (exit code 3)."""

    exit_code = 3

    def __init__(self, message: str, *, expected: str = "", fix: str = "", details: str = "") -> None:
        """Say what was found where (`message`), what was expected, how to mend it, and the raw evidence."""
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
    """The command line, or a file that it names, cannot be understood (exit code 4)."""

    exit_code = 4
