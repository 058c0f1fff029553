"""From subjects to rendered charts: read here, rendered in worker processes, or known from an earlier run."""

from __future__ import annotations

import functools
import hashlib
import posixpath
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from osh_conformance.errors import SuiteError
from osh_conformance.render.cache import Cache
from osh_conformance.render.engine import identity, wanted
from osh_conformance.render.pool import Pool, shared
from osh_conformance.render.source import Reader
from osh_conformance.render.values import merged
from osh_conformance.render.wire import decode
from osh_conformance.suite import catalog, conventions
from osh_conformance.suite.folders import data_folder
from osh_conformance.suite.renderings import Job, work

if TYPE_CHECKING:
    from collections.abc import Iterable

    from osh_conformance.model.chart import Convention, RenderedChart
    from osh_conformance.suite.static import StaticRequest, Subject

#: Charts that are read ahead of the one that is judged: enough for every worker, few enough for the memory.
_AHEAD = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class _Begun:
    """A chart on its way: known from the cache, a ticket of the pool, or nothing, where there is nothing to render."""

    key: str = ""
    chart: RenderedChart | None = None
    ticket: int | None = None
    error: SuiteError | None = None


class RenderedCharts:
    """Renders the subjects of one run."""

    def __init__(self, request: StaticRequest, convention: Convention | None) -> None:
        """Start nothing yet; raises `UsageError` for a renderer that does not exist."""
        wanted(request.renderer)
        self._request = request
        self._convention = convention
        self._reader = Reader()
        self._cache = Cache() if request.cache else None
        self._expected: list[Subject] = []
        self._begun: dict[Path, _Begun] = {}

    def expect(self, subjects: Iterable[Subject]) -> None:
        """Announce what `rendered` will be asked for, in that order."""
        self._expected = [subject for subject in dict.fromkeys(subjects) if subject.path not in self._begun]

    def rendered(self, subject: Subject) -> RenderedChart | None:
        """Return the chart, None for a library chart; raises `SuiteError` if it cannot be read or rendered."""
        begun = self._begun.pop(subject.path, None) or self._begin(subject)
        self._expected = [each for each in self._expected if each.path != subject.path]
        self._look_ahead()
        if begun.error:
            raise begun.error
        if begun.chart is not None:
            return _placed(begun.chart, subject)
        if begun.ticket is None:
            return None
        data = self._pool.result(begun.ticket)
        if self._cache:
            self._cache.put(begun.key, data)
            if not self._expected and not self._begun:
                self._cache.trim()
        return _placed(decode(data), subject)

    def _look_ahead(self) -> None:
        while self._expected and len(self._begun) < _AHEAD:
            subject = self._expected.pop(0)
            self._begun[subject.path] = self._begin(subject)

    def _begin(self, subject: Subject) -> _Begun:
        try:
            job = self._job(subject)
            if job is None:
                return _Begun()
            if not self._cache:
                return _Begun(ticket=self._pool.submit(job))
            key = _key(job)
            known = _decoded(self._cache.get(key))
            return _Begun(chart=known) if known else _Begun(key=key, ticket=self._pool.submit(job))
        except SuiteError as error:
            return _Begun(error=error)

    @property
    def _pool(self) -> Pool:
        return shared(work, self._request.limits)

    def _job(self, subject: Subject) -> Job | None:
        if subject.error:
            raise subject.error
        entry = catalog.entry_for(subject.path, self._request.catalog)
        chart = self._reader.read(subject.path, subject.root)
        if chart.library:
            return None
        convention = self._convention or (conventions.named(entry.convention) if entry.convention else None)
        patterns = conventions.override_patterns(convention, chart.name)
        return Job(
            name=chart.name,
            version=chart.version,
            files=chart.files,
            overrides=self._reader.beside(subject.path, patterns, subject.root),
            values=merged(entry.values, self._request.values),
            convention=convention,
            renderer=self._request.renderer,
            helm=self._request.helm,
        )


def _key(job: Job) -> str:
    """Name a rendering by everything that it depends on."""
    found = hashlib.sha256()
    parts = [
        *((path.encode(errors="surrogateescape"), data) for path, data in sorted(job.files.items())),
        (b"", b"overrides"),
        *((path.encode(errors="surrogateescape"), data) for path, data in job.overrides),
    ]
    for path, data in parts:
        found.update(b"%d %s %d\n" % (len(path), path, len(data)))
        found.update(data)
    for part in (job.name, job.version, job.values, job.convention, _code(), identity(job.renderer, job.helm)):
        found.update(msgspec.msgpack.encode(part, order="sorted"))
    return found.hexdigest()


@functools.cache
def _code() -> str:
    """A hash of what turns a chart into a `RenderedChart`: another version of it renders other things."""
    package = Path(__file__).resolve().parent.parent
    files = [*sorted((package / "render").glob("*.py")), *sorted((package / "model").glob("*.py"))]
    files += [*sorted((package / "suite").glob("*.py")), *sorted(data_folder("conventions").glob("*.yaml"))]
    found = hashlib.sha256()
    for file in files:
        found.update(file.read_bytes())
    return found.hexdigest()


def _decoded(data: bytes | None) -> RenderedChart | None:
    try:
        return decode(data) if data is not None else None
    except ValueError:
        return None


def _placed(chart: RenderedChart, subject: Subject) -> RenderedChart:
    """Make paths relative to the PATH argument."""
    overrides = tuple(
        replace(override, path=posixpath.normpath(subject.folder + override.path)) for override in chart.overrides
    )
    return replace(chart, folder=subject.folder, overrides=overrides)
