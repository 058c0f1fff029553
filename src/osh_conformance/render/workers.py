"""Worker processes that render: one a core, each of them killed when a template takes too much time or memory."""

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
from multiprocessing import connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from osh_conformance.errors import SuiteError

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess

_MIB = 1024 * 1024
_PR_SET_PDEATHSIG = 1
#: A worker is replaced after so many charts: what a chart leaves in its memory stays bounded.
_JOBS = 200
#: Seconds that a worker has to end by itself.
_GRACE = 1.0
#: A worker that got less than this share of a core did not have the time that it was given, and gets twice as much,
#: until it has had this many times.
_SHARE = 0.2
_MOST_PATIENCE = 8
#: A renderer collects garbage on more than one core.
_CORES = 4
_STDERR = 2
#: Go collects its garbage when there is much of it, and not beside the work: every core has a worker of its own.
_GO = {"GOGC": "off", "GOMEMLIMIT": "96MiB", "GOMAXPROCS": "1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one chart may take: seconds for one rendering and for all of them, bytes of memory.

    Seconds of a machine that has a core for it: one that is busy gives more.
    """

    step: float = 30.0
    total: float = 120.0
    memory: int = 1024 * _MIB


class Worker:
    """One process, and what it is doing."""

    def __init__(self, function: Callable[..., bytes], limits: Limits, scratch: Path) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, other = context.Pipe()
        self._scratch = scratch
        self.process: SpawnProcess = context.Process(
            target=_serve, args=(other, function, limits, scratch), daemon=True, name="osh-conformance-render"
        )
        with _environment():
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
        with contextlib.suppress(OSError):  # it has died: the next look at its connection says so
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
    """Runs `function(job, step)` in worker processes. `step` is called before each thing that may take long.

    `function` must be importable, and return bytes or raise `SuiteError`. One chart's fate is no other chart's.
    """

    def __init__(self, function: Callable[..., bytes], limits: Limits, size: int | None = None) -> None:
        """Start nothing yet. `size` is the number of workers, one a core without it."""
        self._function = function
        self._limits = limits
        self._size = size or _cores()
        self._scratch = tempfile.TemporaryDirectory(prefix="osh-conformance-render-")
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

    def poll(self) -> None:
        """Take what has come, and hand out what waits, without waiting for anything."""
        with self._lock:
            self._look(0.0)
            self._feed()

    @property
    def backlog(self) -> int:
        """How many jobs no worker has begun."""
        return len(self._waiting)

    def close(self) -> None:
        """End every worker, and remove what they wrote."""
        for worker in self._workers:
            worker.end()
        self._workers.clear()
        self._scratch.cleanup()

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
    """What a worker, and the `helm` that it may be waiting for, have used of the processors; 0 where nobody tells."""
    ticks = 0
    for each in (pid, *_children(pid)):
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{each}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            # utime, stime, and those of children that have ended
            ticks += sum(int(field) for field in fields[11:15])
    return ticks / os.sysconf("SC_CLK_TCK")


@functools.cache
def shared(function: Callable[..., bytes], limits: Limits) -> Pool:
    """Return the pool of this process, which outlives a suite: to start workers costs more than most charts."""
    pool = Pool(function, limits)
    atexit.register(pool.close)
    return pool


def _cores() -> int:
    """The cores that this process may use; one where pytest-xdist already uses them all."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        return 1
    return max(1, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


@contextlib.contextmanager
def _environment() -> Any:
    """Go reads its settings when it is loaded, from the environment that a worker begins with."""
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


def _serve(channel: Connection, function: Callable[..., bytes], limits: Limits, scratch: Path) -> None:
    """The life of a worker."""
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
            message = ("error", _told(error))
        except MemoryError:
            os._exit(1)
        except Exception as error:  # noqa: BLE001  (one chart must not end the others)
            message = ("error", {"message": f"the renderer broke: {error!r}", "fix": "report it, with the chart"})
        channel.send(message)


def _allow_time(seconds: float) -> None:
    """Bound the processor time of a job, and of `helm`: what outlives whoever could end it ends by itself."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    bound = int(used.ru_utime + used.ru_stime + _CORES * seconds) + 1
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CPU, (bound, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def _told(error: SuiteError) -> dict[str, str]:
    return {"message": error.message, "expected": error.expected, "fix": error.fix, "details": error.details}


def _confine(limits: Limits, scratch: Path) -> None:
    """Bound what a worker may take, and tie its life to the one who started it."""
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
    # Helm writes to the descriptors, past Python; nobody asked for its remarks.
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, _STDERR):
        os.dup2(nowhere, descriptor)
    tempfile.tempdir = str(scratch)
    # Parsing makes many objects and few cycles: to look for those all the time takes a fifth of it.
    gc.freeze()
    gc.set_threshold(200_000)
