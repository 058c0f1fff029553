"""From subjects to charts with their verdicts: read here, rendered and judged in worker processes, or known before."""

from __future__ import annotations

import contextlib
import functools
import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from osh_conformance.charts import conventions
from osh_conformance.check.worker import called, decoded_verdicts, placed, unpacked, work
from osh_conformance.errors import SuiteError
from osh_conformance.loading.search import data_folder
from osh_conformance.render import overrides
from osh_conformance.render.cache import Cache
from osh_conformance.render.engines.base import identity, wanted
from osh_conformance.render.renderings import Job
from osh_conformance.render.wire import decode
from osh_conformance.render.workers import Pool, shared

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from osh_conformance.charts.target import ChartTarget
    from osh_conformance.config.options import CheckOptions
    from osh_conformance.model.chart import RenderedChart
    from osh_conformance.model.finding import Verdict

#: Charts that are read ahead of the one that is judged: enough for every worker, few enough for the memory.
_AHEAD = 8


class ChartResult:
    """A chart that was rendered, and what the rules say of it. The chart itself is unpacked where somebody asks."""

    def __init__(self, verdicts: Mapping[str, Verdict], load: Callable[[], RenderedChart]) -> None:
        self._verdicts = verdicts
        self._load = load
        self._chart: RenderedChart | None = None

    @property
    def chart(self) -> RenderedChart:
        """The chart; raises `SuiteError` if it has to be rendered again and cannot."""
        if self._chart is None:
            self._chart = self._load()
        return self._chart

    def verdict(self, function: Callable[[RenderedChart], Verdict]) -> Verdict:
        """Return what a rule's function says: known already, unless it is none of the catalogue's or broke there."""
        known = self._verdicts.get(called(function))
        return known if known is not None else function(self.chart)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Begun:
    """A chart on its way: known from the cache, a ticket of the pool, or nothing, where there is nothing to render."""

    keys: tuple[str, str] = ("", "")
    judged: ChartResult | None = None
    ticket: int | None = None
    error: SuiteError | None = None


class RenderedCharts:
    """Renders the subjects of one run, and has them judged by every rule."""

    def __init__(self, request: CheckOptions) -> None:
        """Start nothing yet; raises `UsageError` for a renderer that does not exist."""
        wanted(request.renderer)
        self._request = request
        self._cache = Cache() if request.cache else None
        self._expected: list[ChartTarget] = []
        self._begun: dict[Path, _Begun] = {}

    def expect(self, subjects: Iterable[ChartTarget]) -> None:
        """Announce what `judged` will be asked for, in that order, and begin with the first of it."""
        self._expected = [subject for subject in dict.fromkeys(subjects) if subject.path not in self._begun]
        self._look_ahead()

    def judged(self, subject: ChartTarget) -> ChartResult | None:
        """Return a chart with its verdicts, None for a library chart.

        Raises `SuiteError` if it cannot be read or rendered.
        """
        begun = self._begun.pop(subject.path, None) or self._begin(subject)
        self._expected = [each for each in self._expected if each.path != subject.path]
        self._look_ahead()
        if begun.error:
            raise begun.error
        if begun.judged is not None or begun.ticket is None:
            return begun.judged
        chart, verdicts = unpacked(self._pool.result(begun.ticket))
        if self._cache:
            self._cache.put(begun.keys[0], chart)
            self._cache.put(begun.keys[1], verdicts)
            if not self._expected and not self._begun:
                self._cache.trim()
        return ChartResult(decoded_verdicts(verdicts), lambda: placed(decode(chart), subject.folder))

    def _look_ahead(self) -> None:
        while self._expected and len(self._begun) < _AHEAD:
            subject = self._expected.pop(0)
            self._begun[subject.path] = self._begin(subject)

    def _begin(self, subject: ChartTarget) -> _Begun:
        try:
            job = self._job(subject)
            if job is None:
                return _Begun()
            if self._cache is None:
                return _Begun(ticket=self._pool.submit(job))
            return self._begin_cached(job, self._cache)
        except SuiteError as error:
            return _Begun(error=error)

    def _begin_cached(self, job: Job, cache: Cache) -> _Begun:
        keys = _keys(job)
        verdicts = cache.get(keys[1])
        if verdicts is not None:
            with contextlib.suppress(ValueError):
                return _Begun(judged=ChartResult(decoded_verdicts(verdicts), lambda: self._again(job, keys[0])))
        # Where only the rules are new, the worker judges what was rendered before.
        return _Begun(keys=keys, ticket=self._pool.submit(replace(job, rendered=cache.get(keys[0]))))

    def _again(self, job: Job, key: str) -> RenderedChart:
        data = self._cache.get(key) if self._cache else None
        with contextlib.suppress(ValueError):
            if data is not None:
                return placed(decode(data), job.folder)
        chart, _ = unpacked(self._pool.result(self._pool.submit(job)))
        return placed(decode(chart), job.folder)

    @property
    def _pool(self) -> Pool:
        return shared(work, self._request.limits)

    def _job(self, subject: ChartTarget) -> Job | None:
        chart = subject.files
        if chart.library:
            return None
        convention = subject.convention
        patterns = conventions.override_patterns(convention, chart.name)
        beside = subject.reader.beside(subject.path, patterns, subject.root)
        values = subject.values
        if self._request.flavor:
            own = chart.files.get("values.yaml", b"")
            values = overrides.with_flavor(self._request.flavor, chart.name, own, values, convention)
        return Job(
            name=chart.name,
            version=chart.version,
            folder=subject.folder,
            files=chart.files,
            overrides=overrides.with_given(beside, self._request.overrides, subject.path, chart.name),
            values=values,
            convention=convention,
            renderer=self._request.renderer,
            helm=self._request.helm_program,
        )


def _keys(job: Job) -> tuple[str, str]:
    """Name a rendering by everything that it depends on, and the verdicts on it."""
    found = hashlib.sha256()
    for path, data in (*sorted(job.files.items()), ("", b"overrides"), *job.overrides):
        name = path.encode(errors="surrogateescape")
        found.update(b"%d %s %d\n" % (len(name), name, len(data)))
        found.update(data)
    engine = identity(job.renderer, job.helm)
    for part in (
        job.name,
        job.version,
        job.values,
        job.convention,
        engine,
        _code("render", "charts", "check", "loading", "model"),
    ):
        found.update(msgspec.msgpack.encode(part, order="sorted"))
    rendering = found.hexdigest()
    found.update(f"{job.folder}\0{_code('')}".encode(errors="surrogateescape"))
    return rendering, found.hexdigest()


@functools.cache
def _code(*parts: str) -> str:
    """A hash of the code and the data that turn a chart into a result: another version of it gives another."""
    package = Path(__file__).resolve().parent.parent
    folders = [*(package / part for part in parts), data_folder("conventions")]
    found = hashlib.sha256()
    for folder in folders:
        for suffix in ("*.py", "*.yaml"):
            for file in sorted(folder.rglob(suffix)):
                found.update(file.read_bytes())
    return found.hexdigest()
