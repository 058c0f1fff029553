"""The one place that runs a command: an argv list, a deadline, and nothing left behind."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import time
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING

from osh_conformance.errors import SuiteError

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

#: Seconds a process group has to end after SIGTERM before it is killed.
GRACE = 5.0
_CANCEL_LATENCY = 0.2
_TAIL_LINES = 25
_REDACTED = "***"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a command ended. `argv`, `stdout` and `stderr` hold no secret that the caller named."""

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
        """The last lines of what it printed, stderr if there is any."""
        return "\n".join((self.stderr.strip() or self.stdout.strip()).splitlines()[-_TAIL_LINES:])


class CommandError(SuiteError):
    """A command ended with another exit code than 0, or not at all in its time."""

    def __init__(self, outcome: Outcome, reason: str, fix: str = "") -> None:
        super().__init__(f"`{shlex.join(outcome.argv)}` {reason}", fix=fix, details=outcome.tail)
        self.outcome = outcome


class DeadlineError(CommandError):
    """A command did not end in its time; its process group was ended."""


class MissingProgramError(SuiteError):
    """A program that should run is not on this machine."""


@dataclass(slots=True)
class Redactor:
    """Replaces secrets in text. Short secrets would mangle everything, so they must have three characters."""

    secrets: tuple[str, ...] = ()
    _sorted: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        self._sorted = tuple(sorted((s for s in set(self.secrets) if len(s) > 2), key=len, reverse=True))  # noqa: PLR2004

    def __call__(self, text: str) -> str:
        """Return `text` with each secret replaced by three asterisks."""
        for secret in self._sorted:
            text = text.replace(secret, _REDACTED)
        return text


def run(  # noqa: PLR0913
    argv: Sequence[str | Path],
    *,
    deadline: float,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: str | bytes | None = None,
    secrets: Sequence[str] = (),
    log: Path | None = None,
    check: bool = True,
    cancel: threading.Event | None = None,
    kill: threading.Event | None = None,
) -> Outcome:
    """Run `argv` in a process group of its own and wait for it at most `deadline` seconds.

    `env` is added to this process's environment. With `log`, both streams go to that file, which is appended to, and
    `stdout` of the outcome is its new part. `cancel` ends the command early, as its deadline would, but raises nothing:
    the outcome's exit code shows the signal; `kill` does so with SIGKILL, which no command can answer. Raises
    `MissingProgramError`, `DeadlineError`, and with `check` `CommandError` where the exit code is not 0. An exception
    here (Ctrl-C too) ends the group first.
    """
    words = tuple(str(word) for word in argv)
    redact = Redactor(tuple(secrets))
    started = time.monotonic()
    with contextlib.ExitStack() as stack:
        sink = stack.enter_context(log.open("ab")) if log else None
        offset = sink.tell() if sink else 0
        process = stack.enter_context(_spawned(words, env, cwd, sink, has_input=stdin is not None))
        data = stdin.encode() if isinstance(stdin, str) else stdin
        timed_out = False
        try:
            out, err = _communicate(process, data, deadline, cancel, kill)
        except subprocess.TimeoutExpired:
            killed = bool(kill and kill.is_set())
            timed_out = not killed and not (cancel and cancel.is_set())
            end_group(process, *((signal.SIGKILL,) if killed else ()))
            out, err = process.communicate()
    if log:
        out = _read_from(log, offset)
    outcome = Outcome(
        argv=tuple(redact(word) for word in words),
        code=process.returncode,
        stdout=redact((out or b"").decode(errors="replace")),
        stderr=redact((err or b"").decode(errors="replace")),
        seconds=time.monotonic() - started,
    )
    if timed_out:
        raise DeadlineError(outcome, f"did not end within {deadline:g} s and was ended")
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
def _spawned(
    argv: tuple[str, ...],
    env: Mapping[str, str] | None,
    cwd: Path | None,
    sink: IO[bytes] | None,
    *,
    has_input: bool,
) -> Iterator[subprocess.Popen[bytes]]:
    try:
        process = subprocess.Popen(
            argv,
            env={**os.environ, **(env or {})},
            cwd=cwd,
            stdin=subprocess.PIPE if has_input else subprocess.DEVNULL,
            stdout=sink or subprocess.PIPE,
            stderr=subprocess.STDOUT if sink else subprocess.PIPE,
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
    """End the process group of `process` by these signals, each with `GRACE` seconds: first SIGTERM, then SIGKILL."""
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
