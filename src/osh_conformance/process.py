"""Running commands: the only module that does. Each has a deadline, and no process of it outlives the call."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import time
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from osh_conformance.errors import SuiteError
from osh_conformance.redaction import Redactor

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

#: Seconds that a process group has to end after SIGTERM before it is killed.
GRACE = 5.0
_CANCEL_LATENCY = 0.2
_TAIL_LINES = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command to run."""

    argv: Sequence[str | Path]
    #: Variables to add to this process's environment.
    env: Mapping[str, str] | None = None
    cwd: Path | None = None
    stdin: str | bytes | None = None
    #: Texts to remove from the outcome.
    secrets: Sequence[str] = ()
    #: A file to which both streams are appended.
    log: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The result of a command. `argv`, `stdout` and `stderr` contain none of the command's secrets."""

    argv: tuple[str, ...]
    code: int
    stdout: str
    stderr: str
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether the exit code is 0."""
        return self.code == 0

    @property
    def tail(self) -> str:
        """The last lines of stderr, or of stdout if stderr is empty."""
        return "\n".join((self.stderr.strip() or self.stdout.strip()).splitlines()[-_TAIL_LINES:])


class CommandError(SuiteError):
    """A command ended with an exit code other than 0, or did not end before its deadline."""

    def __init__(self, outcome: Outcome, reason: str, fix: str = "") -> None:
        super().__init__(f"`{shlex.join(outcome.argv)}` {reason}", fix=fix, details=outcome.tail)
        self.outcome = outcome


class DeadlineError(CommandError):
    """A command did not end before its deadline; its process group was ended."""


class MissingProgramError(SuiteError):
    """A program is not installed on this machine."""


def run(
    command: Command | Sequence[str | Path],
    *,
    deadline: float,
    check: bool = True,
    cancel: threading.Event | None = None,
    kill: threading.Event | None = None,
) -> Outcome:
    """Run a command (or a bare argv) in its own process group, for at most `deadline` seconds.

    With a log, `stdout` of the outcome is the part that this command wrote. `cancel` ends the command early, but
    raises nothing: the outcome's exit code shows the signal. `kill` does the same with SIGKILL. Raises
    `MissingProgramError`, `DeadlineError`, and with `check` `CommandError` if the exit code is not 0. Any exception
    in this function (Ctrl-C too) ends the process group first.
    """
    if not isinstance(command, Command):
        command = Command(argv=command)
    redact = Redactor(tuple(command.secrets))
    started = time.monotonic()
    with contextlib.ExitStack() as stack:
        log = stack.enter_context(command.log.open("ab")) if command.log else None
        offset = log.tell() if log else 0
        process = stack.enter_context(_started(command, log))
        data = command.stdin.encode() if isinstance(command.stdin, str) else command.stdin
        timed_out = False
        try:
            out, err = _communicate(process, data, deadline, cancel, kill)
        except subprocess.TimeoutExpired:
            killed = bool(kill and kill.is_set())
            timed_out = not killed and not (cancel and cancel.is_set())
            end_group(process, *((signal.SIGKILL,) if killed else ()))
            out, err = process.communicate()
    if command.log:
        out = _read_from(command.log, offset)
    outcome = Outcome(
        argv=tuple(redact(str(word)) for word in command.argv),
        code=process.returncode,
        stdout=redact((out or b"").decode(errors="replace")),
        stderr=redact((err or b"").decode(errors="replace")),
        seconds=time.monotonic() - started,
    )
    if timed_out:
        raise DeadlineError(outcome, f"did not end within {deadline:g} s and was stopped")
    if check and not outcome.ok:
        raise CommandError(outcome, f"ended with exit code {outcome.code}")
    return outcome


def _communicate(
    process: subprocess.Popen[bytes], data: bytes | None, deadline: float, *events: threading.Event | None
) -> tuple[bytes, bytes]:
    watched = [event for event in events if event]
    if not watched:
        return process.communicate(data, timeout=deadline)
    ends = time.monotonic() + deadline
    while True:
        left = ends - time.monotonic()
        try:
            return process.communicate(data, timeout=max(0.0, min(_CANCEL_LATENCY, left)))
        except subprocess.TimeoutExpired:
            if any(event.is_set() for event in watched) or left <= _CANCEL_LATENCY:
                raise
            data = None


@contextlib.contextmanager
def _started(command: Command, log: IO[bytes] | None) -> Iterator[subprocess.Popen[bytes]]:
    argv = [str(word) for word in command.argv]
    try:
        process = subprocess.Popen(
            argv,
            env={**os.environ, **(command.env or {})},
            cwd=command.cwd,
            stdin=subprocess.DEVNULL if command.stdin is None else subprocess.PIPE,
            stdout=log or subprocess.PIPE,
            stderr=subprocess.STDOUT if log else subprocess.PIPE,
            start_new_session=True,
        )
    except (FileNotFoundError, PermissionError) as error:
        raise MissingProgramError(f"cannot run `{argv[0]}`: {error.strerror}") from error
    try:
        yield process
    finally:
        end_group(process)
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream:
                with contextlib.suppress(OSError):
                    stream.close()


def end_group(process: subprocess.Popen[bytes], *signals: signal.Signals) -> None:
    """Send these signals to the process group of `process`, each followed by `GRACE` seconds to end.

    The default is SIGTERM, then SIGKILL.
    """
    if process.poll() is not None:
        return
    for number in signals or (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE)
            return


def _read_from(path: Path, offset: int) -> bytes:
    with path.open("rb") as file:
        file.seek(offset)
        return file.read()
