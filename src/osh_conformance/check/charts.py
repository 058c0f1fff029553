"""Renders and checks the charts of a run in worker processes, a few charts ahead, or takes them from the cache."""

from __future__ import annotations

import contextlib
import fnmatch
import functools
import hashlib
import importlib.util
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from osh_conformance.charts import conventions
from osh_conformance.charts.files import CHART_FILE
from osh_conformance.check.verdicts import decoded_verdicts, placed, unpacked
from osh_conformance.errors import SuiteError
from osh_conformance.loading.search import data_folder
from osh_conformance.render import overrides
from osh_conformance.render.cache import Cache
from osh_conformance.render.ci_values import CI_VALUES
from osh_conformance.render.engines.choice import identity, wanted
from osh_conformance.render.job import Job
from osh_conformance.render.wire import decode
from osh_conformance.rules import registry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from importlib.machinery import ModuleSpec

    from osh_conformance.charts.target import ChartTarget
    from osh_conformance.config.engine_options import CheckOptions
    from osh_conformance.model.chart import RenderedChart
    from osh_conformance.model.finding import Verdict
    from osh_conformance.model.result import ChartCoverage
    from osh_conformance.render.workers import Pool

#: Charts that are read ahead of the one whose results are needed: enough for every worker, few enough for the memory.
_AHEAD = 8
#: The rooms whose code turns a chart into a rendering: `render` and the rooms that it imports.
RENDERING_ROOMS = ("render", "manifests", "charts", "check", "loading", "model")


class ChartResult:
    """A rendered chart and the verdicts of the static rules on it. The chart itself is decoded where it is needed."""

    def __init__(self, judged: tuple[Mapping[str, Verdict], ChartCoverage], load: Callable[[], RenderedChart]) -> None:
        self._verdicts, self.coverage = judged
        self._load = load

    @functools.cached_property
    def chart(self) -> RenderedChart:
        """The chart; raises `SuiteError` where it has to be rendered again and does not render."""
        return self._load()

    def verdict(self, rule: str) -> Verdict:
        """Return the verdict of the static rule with that id. A rule that broke in the worker runs again here."""
        known = None if registry.is_replaced(rule) else self._verdicts.get(rule)
        return known if known is not None else registry.static_rules()[rule](self.chart)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Begun:
    """A chart on its way: known from the cache, a ticket of the pool, or neither for a library chart."""

    keys: tuple[str, str] = ("", "")
    result: ChartResult | None = None
    ticket: int | None = None
    error: SuiteError | None = None


class RenderedCharts:
    """Renders the targets of one run, each once, and has them checked by every static rule."""

    def __init__(self, options: CheckOptions, places: frozenset[Path] = frozenset()) -> None:
        """Start nothing yet. `places` are those of all charts of the run: as subcharts they are not checked again.

        Raises `UsageError` for a renderer that does not exist.
        """
        wanted(options.renderer)
        self._options = options
        self._places = places
        self._cache = Cache() if options.cache else None
        self._expected: list[ChartTarget] = []
        self._begun: dict[Path, _Begun] = {}
        self._done: dict[Path, ChartResult | SuiteError | None] = {}

    def expect(self, targets: Iterable[ChartTarget]) -> None:
        """Announce the targets whose results will be needed, in that order, and begin with the first ones."""
        self._expected = [
            target
            for target in dict.fromkeys(targets)
            if target.path not in self._begun and target.path not in self._done
        ]
        self._look_ahead()

    def result(self, target: ChartTarget) -> ChartResult | None:
        """Return a chart with its verdicts, None for a library chart.

        Raises `SuiteError` if the chart cannot be read or rendered.
        """
        if target.path not in self._done:
            try:
                self._done[target.path] = self._finished(target)
            except SuiteError as error:
                self._done[target.path] = error
        found = self._done[target.path]
        if isinstance(found, SuiteError):
            raise found
        return found

    def forget(self, target: ChartTarget) -> None:
        """Drop the result and the files of a target. Asked for them again, it makes and reads them again."""
        self._done.pop(target.path, None)
        target.reader.forget(target.path, target.root)

    def _finished(self, target: ChartTarget) -> ChartResult | None:
        begun = self._begun.pop(target.path, None) or self._begin(target)
        self._expected = [other for other in self._expected if other.path != target.path]
        self._look_ahead()
        if begun.error:
            raise begun.error
        if begun.result is not None or begun.ticket is None:
            return begun.result
        chart, verdicts = unpacked(self._pool.result(begun.ticket))
        if self._cache:
            self._cache.put(begun.keys[0], chart)
            self._cache.put(begun.keys[1], verdicts)
            if not self._expected and not self._begun:
                self._cache.trim()
        return ChartResult(decoded_verdicts(verdicts), lambda: _placed(decode(chart), target))

    def _look_ahead(self) -> None:
        while self._expected and len(self._begun) < _AHEAD:
            target = self._expected.pop(0)
            self._begun[target.path] = self._begin(target)

    def _begin(self, target: ChartTarget) -> _Begun:
        try:
            job = self._job(target)
            if job is None:
                return _Begun()
            if self._cache is None:
                return _Begun(ticket=self._pool.submit(job))
            return self._begin_cached(job, self._cache)
        except SuiteError as error:
            return _Begun(error=error)

    @functools.cached_property
    def _engine(self) -> str:
        return identity(self._options.renderer, self._options.helm_program)

    def _begin_cached(self, job: Job, cache: Cache) -> _Begun:
        keys = _keys(job, self._engine)
        verdicts = cache.get(keys[1])
        if verdicts is not None:
            with contextlib.suppress(ValueError):
                return _Begun(result=ChartResult(decoded_verdicts(verdicts), lambda: self._again(job, keys[0])))
        # Where only the rules have changed, the worker checks the rendering that the cache has.
        return _Begun(keys=keys, ticket=self._pool.submit(replace(job, rendered=cache.get(keys[0]))))

    def _again(self, job: Job, key: str) -> RenderedChart:
        data = self._cache.get(key) if self._cache else None
        with contextlib.suppress(ValueError):
            if data is not None:
                return placed(decode(data), job.folder, job.elsewhere, job.given)
        chart, _ = unpacked(self._pool.result(self._pool.submit(job)))
        return placed(decode(chart), job.folder, job.elsewhere, job.given)

    @property
    def _pool(self) -> Pool:
        # A run whose charts are all in the cache needs no renderer, and importing it takes as long as several charts.
        from osh_conformance.check.worker import work  # noqa: PLC0415
        from osh_conformance.render.workers import Limits, shared  # noqa: PLC0415

        return shared(work, self._options.limits or Limits())

    def _job(self, target: ChartTarget) -> Job | None:
        """Return what a worker needs to render the chart, None for a library chart. Raises `SuiteError`."""
        chart = target.files
        if chart.library:
            return None
        convention = target.convention
        patterns = conventions.override_patterns(convention, chart.name, target.others)
        beside = target.reader.beside(target.path, patterns, target.root)
        values = target.values
        if self._options.flavor:
            own = chart.files.get("values.yaml", b"")
            values = overrides.with_flavor(self._options.flavor, chart.name, own, values, convention, target.others)
        return Job(
            name=chart.name,
            version=chart.version,
            folder=target.folder,
            files=chart.files,
            overrides=overrides.with_given(beside, self._options.overrides, target.path, chart.name),
            values=values,
            convention=convention,
            others=target.others,
            renderer=self._options.renderer,
            helm_program=self._options.helm_program,
            elsewhere=chart.elsewhere,
            given=target.given,
            skip=self._own_targets(target),
            ci=_ci_values(target),
            notices=chart.notices,
        )

    def _own_targets(self, target: ChartTarget) -> tuple[str, ...]:
        """Return the folders below `charts/` of a chart that are charts of the run themselves."""
        chart = target.files
        here = target.path.resolve()
        folders = {path.removesuffix(f"/{CHART_FILE}") for path in chart.files if path.endswith(f"/{CHART_FILE}")}
        places = {folder: (here / chart.elsewhere.get(folder, folder)).resolve() for folder in folders}
        return tuple(sorted(folder for folder, place in places.items() if place in self._places))


def _ci_values(target: ChartTarget) -> tuple[tuple[str, bytes], ...]:
    """Return the values of chart-testing, also those that `.helmignore` leaves out."""
    packaged = {path: data for path, data in target.files.files.items() if fnmatch.fnmatchcase(path, CI_VALUES)}
    return tuple(sorted({**packaged, **dict(target.reader.beside(target.path, [CI_VALUES], target.root))}.items()))


def _placed(chart: RenderedChart, target: ChartTarget) -> RenderedChart:
    return placed(chart, target.folder, target.files.elsewhere, target.given)


def _keys(job: Job, engine: str) -> tuple[str, str]:
    """Return the cache keys of a rendering and of its verdicts: hashes of everything that they depend on."""
    found = hashlib.sha256()
    for path, data in (*sorted(job.files.items()), ("", b"overrides"), *job.overrides, ("", b"ci"), *job.ci):
        name = path.encode(errors="surrogateescape")
        found.update(b"%d %s %s" % (len(name), name, _digest(data)))
    code = _code(*RENDERING_ROOMS)
    for part in (job.name, job.version, job.values, job.convention, job.others, job.notices, engine, code):
        found.update(msgspec.msgpack.encode(part, order="sorted"))
    rendering = found.hexdigest()
    found.update(f"{job.folder}\0{_code('')}\0{_extensions()}".encode(errors="surrogateescape"))
    found.update(msgspec.msgpack.encode((job.elsewhere, job.given, job.skip), order="sorted"))
    return rendering, found.hexdigest()


@functools.lru_cache(maxsize=512)  # more than the files of one dependency: most charts have the same
def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


@functools.cache
def _code(*parts: str) -> str:
    """Return a hash of the code and data that turn a chart into a result: a new version of it gives a new one."""
    package = Path(__file__).resolve().parent.parent
    folders = [*(package / part for part in parts), data_folder("conventions")]
    found = hashlib.sha256()
    for folder in folders:
        for suffix in ("*.py", "*.yaml"):
            for file in sorted(folder.rglob(suffix)):
                found.update(file.read_bytes())
    return found.hexdigest()


@functools.cache
def _extensions() -> str:
    """A hash of the packages that rules of other distributions are in: their verdicts are in the cache too."""
    found = hashlib.sha256()
    for name in sorted({module.partition(".")[0] for module in registry.extension_modules()}):
        spec = importlib.util.find_spec(name)
        for file in _sources(spec) if spec else ():
            found.update(file.read_bytes())
    return found.hexdigest()


def _sources(spec: ModuleSpec) -> list[Path]:
    if spec.submodule_search_locations is None:
        return [Path(spec.origin)] if spec.origin else []
    folders = [Path(folder) for folder in spec.submodule_search_locations]
    return sorted(file for folder in folders for suffix in ("*.py", "*.yaml") for file in folder.rglob(suffix))
