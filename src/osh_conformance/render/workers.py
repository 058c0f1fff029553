"""Worker processes that render, one for each core. One whose template takes too much time or memory is killed."""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import functools
import gc
import multiprocessing
import os
import resource
import signal
import sys
import tempfile
import threading
import time
from collections import deque
from dataclasses import dataclass
from multiprocessing import connection, resource_tracker
from pathlib import Path
from typing import TYPE_CHECKING, Any

from osh_conformance import host, temporary
from osh_conformance.errors import SuiteError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess

_MIB = 1024 * 1024
_PR_SET_PDEATHSIG = 1
#: A worker is replaced after so many charts: its memory grows by about 1 MiB with each, and a new one starts in 1 s.
_JOBS = 80
#: Seconds that a worker has to end by itself.
_GRACE = 1.0
#: A worker that got less than this share of a core gets twice the time, until it has had _MOST_PATIENCE times as much.
_SHARE = 0.2
_MOST_PATIENCE = 8
#: A renderer collects garbage on more than one core.
_CORES = 4
_STDERR = 2
#: Go collects garbage rarely, and not in parallel with the work: every core already has its own worker.
_GO = {"GOGC": "off", "GOMEMLIMIT": "96MiB", "GOMAXPROCS": "1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits of one chart: seconds for one rendering (`step`) and for all (`total`), and bytes of memory.

    A worker that gets less than its share of a core gets more seconds.
    """

    step: float = 30.0
    total: float = 120.0
    memory: int = 1024 * _MIB


class Worker:
    """One worker process and its current job."""

    def __init__(self, function: Callable[..., bytes], limits: Limits, scratch: Path) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, other = context.Pipe()
        self._scratch = scratch
        self.process: SpawnProcess = context.Process(
            target=_serve, args=(other, function, limits, scratch), daemon=True, name="osh-conformance-render"
        )
        with _environment(), _without_interrupts():
            self.process.start()
        other.close()
        self.ticket: int | None = None
        self.jobs = 0
        self.patience = 1
        self.started = self.stepped = self._used = 0.0

    def give(self, ticket: int, job: Any) -> None:
        """Start on a job."""
        self.ticket, self.jobs = ticket, self.jobs + 1
        self.started = self.stepped = time.monotonic()
        self.patience, self._used = 1, _processor_seconds(self.process.pid)
        with contextlib.suppress(OSError):  # a dead worker is noticed at the next look at its connection
            self.connection.send(job)

    @property
    def is_starved(self) -> bool:
        """Whether other work has kept this job from the processor."""
        used = _processor_seconds(self.process.pid) - self._used
        return used < _SHARE * (time.monotonic() - self.started)

    def end(self) -> int | None:
        """End the process, and the `helm` that it may be waiting for; return its exit code."""
        self.process.terminate()
        self.process.join(_GRACE)
        if self.process.is_alive():
            for child in _children(self.process.pid):
                with contextlib.suppress(OSError):
                    os.killpg(child, signal.SIGKILL)
            self.process.kill()
            self.process.join()
        self.connection.close()
        return self.process.exitcode


class Pool:
    """Runs `function(job, step)` in worker processes. The function calls `step` before each rendering.

    `function` must be importable, and return bytes or raise `SuiteError`. A job that fails does not affect others.
    """

    def __init__(self, function: Callable[..., bytes], limits: Limits, size: int | None = None) -> None:
        """Start nothing yet. `size` is the number of workers, one a core without it."""
        self._function = function
        self._limits = limits
        self._size = size or _cores()
        self._scratch = tempfile.TemporaryDirectory(prefix=temporary.RENDER)
        self._owner = temporary.hold(Path(self._scratch.name))
        self._workers: list[Worker] = []
        self._waiting: deque[tuple[int, Any]] = deque()
        self._done: dict[int, bytes | SuiteError] = {}
        self._tickets = 0
        self._lock = threading.Lock()

    def submit(self, job: Any) -> int:
        """Put a job in the queue, and return the ticket to fetch its result with."""
        with self._lock:
            self._tickets += 1
            self._waiting.append((self._tickets, job))
            self._feed()
            return self._tickets

    def result(self, ticket: int) -> bytes:
        """Wait for a job; raises the `SuiteError` that it ended with."""
        with self._lock:
            while ticket not in self._done:
                self._feed()
                self._look()
            found = self._done.pop(ticket)
        if isinstance(found, SuiteError):
            raise found
        return found

    def close(self) -> None:
        """End every worker, and remove their files."""
        for worker in self._workers:
            worker.end()
        self._workers.clear()
        self._scratch.cleanup()
        self._owner.close()

    def _feed(self) -> None:
        idle = [worker for worker in self._workers if worker.ticket is None]
        while self._waiting:
            if not idle:
                if len(self._workers) >= self._size:
                    return
                worker = Worker(self._function, self._limits, Path(self._scratch.name))
                self._workers.append(worker)
                idle.append(worker)
            idle.pop().give(*self._waiting.popleft())

    def _look(self, wait: float | None = None) -> None:
        """Wait until something happens to a worker that is busy: a message, its end, or its deadline."""
        busy = {worker.connection: worker for worker in self._workers if worker.ticket is not None}
        if not busy:
            return
        left = max(0.0, min(self._ends(worker) for worker in busy.values()) - time.monotonic())
        for ready in connection.wait(list(busy), left if wait is None else wait):
            self._hear(busy[ready])  # type: ignore[index]
        now = time.monotonic()
        for worker in busy.values():
            if worker.ticket is None or now < self._ends(worker):
                continue
            if worker.is_starved and worker.patience < _MOST_PATIENCE:
                worker.patience *= 2
                continue
            total = worker.patience * self._limits.total
            seconds = total if now >= worker.started + total else worker.patience * self._limits.step
            self._give_up(
                worker,
                SuiteError(
                    f"does not render: no end within {seconds:g} s",
                    expected="templates that end",
                    fix="look for a range or an include without an end",
                ),
            )

    def _ends(self, worker: Worker) -> float:
        step, total = worker.stepped + worker.patience * self._limits.step, self._limits.total * worker.patience
        return min(step, worker.started + total)

    def _hear(self, worker: Worker) -> None:
        try:
            kind, content = worker.connection.recv()
        except (EOFError, OSError):
            memory = self._limits.memory // _MIB
            error = SuiteError(
                "does not render: the process that renders it died",
                expected=f"a chart that renders in {memory} MiB of memory",
            )
            self._give_up(worker, error)
            return
        if kind == "step":
            worker.stepped = time.monotonic()
            return
        self._finish(worker, content if kind == "done" else SuiteError(**content))
        if worker.jobs >= _JOBS:
            self._workers.remove(worker)
            worker.end()

    def _finish(self, worker: Worker, result: bytes | SuiteError) -> None:
        if worker.ticket is not None:
            self._done[worker.ticket] = result
        worker.ticket = None

    def _give_up(self, worker: Worker, error: SuiteError) -> None:
        self._finish(worker, error)
        self._workers.remove(worker)
        worker.end()


def _children(pid: int | None) -> list[int]:
    """The programs that a worker runs; each leads a process group of its own."""
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]
    except OSError:
        return []


def _processor_seconds(pid: int | None) -> float:
    """Return the processor seconds of a worker and of the `helm` that it may be waiting for; 0 without /proc."""
    ticks = 0
    for each in (pid, *_children(pid)):
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{each}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            # utime, stime, and those of children that have ended
            ticks += sum(int(field) for field in fields[11:15])
    return ticks / os.sysconf("SC_CLK_TCK")


@functools.cache
def shared(function: Callable[..., bytes], limits: Limits) -> Pool:
    """Return the pool of this process. It outlives an engine: starting workers costs more than most charts."""
    pool = Pool(function, limits)
    atexit.register(pool.close)
    return pool


def _cores() -> int:
    """Return the number of cores to use: one where pytest-xdist already uses all of them."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        return 1
    return host.cores()


@contextlib.contextmanager
def _environment() -> Iterator[None]:
    """Set the variables from which Go reads its settings when a worker loads it."""
    kept = {name: os.environ.get(name) for name in _GO}
    os.environ.update({name: os.environ.get(name, value) for name, value in _GO.items()})
    try:
        yield
    finally:
        for name, value in kept.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _without_interrupts() -> Iterator[None]:
    """Let a worker inherit a blocked SIGINT: Ctrl-C while it still imports would end it with a traceback."""
    resource_tracker.ensure_running()  # as part of the start it would unblock SIGINT again
    former = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, former)


def _serve(channel: Connection, function: Callable[..., bytes], limits: Limits, scratch: Path) -> None:
    """Run jobs from the channel until it closes."""
    _confine(limits, scratch)

    def step() -> None:
        channel.send(("step", None))

    while True:
        try:
            job = channel.recv()
        except (EOFError, OSError):
            return
        _allow_time(limits.total)
        try:
            message: tuple[str, Any] = ("done", function(job, step))
        except SuiteError as error:
            message = ("error", _fields(error))
        except MemoryError:
            os._exit(1)
        except Exception as error:  # noqa: BLE001  (one chart must not end the others)
            message = ("error", {"message": f"the renderer broke: {error!r}", "fix": "report it, with the chart"})
        channel.send(message)


def _allow_time(seconds: float) -> None:
    """Limit the processor time of a job and of `helm`, so that they end even if their parent has died."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    bound = int(used.ru_utime + used.ru_stime + _CORES * seconds) + 1
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CPU, (bound, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def _fields(error: SuiteError) -> dict[str, str]:
    return {"message": error.message, "expected": error.expected, "fix": error.fix, "details": error.details}


def _confine(limits: Limits, scratch: Path) -> None:
    """Limit the memory of a worker, and end it with its parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    bounds = {resource.RLIMIT_DATA: limits.memory, resource.RLIMIT_CORE: 0}
    for kind, bound in bounds.items():
        hard = resource.getrlimit(kind)[1]
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (bound if hard == resource.RLIM_INFINITY else min(bound, hard), hard))
    # Helm writes to the descriptors, past Python.
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, _STDERR):
        os.dup2(nowhere, descriptor)
    tempfile.tempdir = str(scratch)
    # Parsing makes many objects and few cycles: to look for those all the time takes a fifth of it.
    gc.freeze()
    gc.set_threshold(200_000)
