"""Finds the charts below the PATH arguments, and takes a shard of them."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from osh_conformance.charts import conventions
from osh_conformance.charts.catalogs import Catalogs
from osh_conformance.charts.enclosing import chart_of, is_archive
from osh_conformance.charts.files import CHART_FILE
from osh_conformance.charts.source import Reader, read_metadata
from osh_conformance.charts.target import ChartTarget
from osh_conformance.charts.values import merged
from osh_conformance.errors import SuiteError, UsageError
from osh_conformance.here import folder_from_here, from_here
from osh_conformance.loading.search import PACKAGE_ONLY, DataPath
from osh_conformance.loading.suggest import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from osh_conformance.charts.catalog import ChartEntry
    from osh_conformance.model.chart import GivenValues
    from osh_conformance.model.convention import Convention


#: What a PATH may be.
_PATH = "a chart directory, a .tgz, a tree of charts, or a file of a chart"

_LEAVE_OUT = "leave it out, such as for a hook: `exclude` in the configuration file, or --exclude"
_TREE = "a folder with a Chart.yaml, at any depth"


def missing(path: Path) -> SuiteError:
    """Return the error for a PATH that does not exist."""
    return SuiteError(f"{path} does not exist", expected=_PATH)


def check_paths(paths: Sequence[Path], catalog_file: Path | None = None) -> None:
    """Raise `UsageError` if no PATH exists, and if there is none and no catalog.

    If only some exist, each other one becomes a target with an error.
    """
    if not paths and catalog_file is None:
        raise UsageError(
            "no chart is named",
            expected=f"PATH: {_PATH}; or --catalog FILE, for all of its charts",
        )
    if paths and not any(_exists(path) for path in paths):
        error = missing(paths[0])
        raise UsageError(error.message, expected=error.expected)


def find_targets(  # noqa: PLR0913  (the options of a run)
    paths: Iterable[Path],
    *,
    convention: str | None = None,
    catalog_file: Path | None = None,
    values: Mapping[str, Any] | None = None,
    given: tuple[GivenValues, ...] = (),
    data: DataPath = PACKAGE_ONLY,
) -> tuple[ChartTarget, ...]:
    """Find the charts below `paths`, each once. A path without a chart becomes a target with an error.

    A file of a chart stands for that chart. Without paths, find the charts of `catalog_file`, and fetch those that are
    inside git repositories.

    `convention` is a name or a file, `catalog_file` replaces the catalog beside a chart, `values` go over those of the
    catalog and come from the files `given`, conventions come from `data`. Raises `UsageError` for a convention that
    does not exist, and for a catalog with a mistake.
    """
    named = conventions.named(convention, data) if convention else None
    others = conventions.users(data)
    reader = Reader()
    catalogs = Catalogs(reader, catalog_file)
    paths = tuple(paths)
    if not paths and catalog_file:
        found = [_of_entry(entry, catalogs.name(entry)) for entry in catalogs.all()]
    else:
        by_place: dict[Path, ChartTarget] = {}
        for target in (target for path in paths for target in _targets_of(path, named, others)):
            by_place.setdefault(target.path.resolve(), target)
        found = _with_entries(list(by_place.values()), catalogs)
    names = Counter(target.label for target in found)
    return tuple(
        _completed(
            replace(
                target,
                label=str(target.path) if names[target.label] > 1 else target.label,
                reader=reader,
                given=given,
                others=others,
            ),
            named,
            values or {},
            data,
        )
        for target in found
    )


def _of_entry(entry: ChartEntry, name: str) -> ChartTarget:
    """Return the target of an entry, found below its commit or below the folder of its catalog.

    Its path is one that the user can open, also of a chart inside a git repository.
    """
    root = entry.root if entry.path.is_relative_to(entry.root) else entry.path
    target = replace(_target(Path(from_here(entry.path)), Path(from_here(root))), entry=entry)
    return replace(target, name=name, label=name) if name else target


def _with_entries(targets: Sequence[ChartTarget], catalogs: Catalogs) -> list[ChartTarget]:
    """Add what the catalogs say about charts."""
    entries = catalogs.entries_for(target.path for target in targets if not target.error)
    return [replace(target, entry=entries.get(target.path)) for target in targets]


def _completed(
    target: ChartTarget, convention: Convention | None, values: Mapping[str, Any], data: DataPath
) -> ChartTarget:
    """Add the convention, and the values of the catalog and of the options. Raises `UsageError` for a wrong entry."""
    entry = target.entry
    if target.error or entry is None:
        return target
    named = convention or _convention_of(entry, data)
    catalog = (replace(each, path=from_here(Path(each.path))) for each in entry.given)
    given = (*catalog, *target.given)
    found = replace(target, convention=named, values=merged(entry.values, values), given=given)
    _check_components(found, entry)
    return found


def _convention_of(entry: ChartEntry, data: DataPath) -> Convention | None:
    if not entry.convention:
        return None
    if not conventions.is_file(entry.convention) and entry.convention not in (known := conventions.names(data)):
        raise entry.error(
            "convention",
            f"no convention `{entry.convention}`{did_you_mean(entry.convention, known)}",
            expected=f"a file, or {', '.join(known)}",
        )
    return conventions.named(entry.convention, data)


def _check_components(target: ChartTarget, entry: ChartEntry) -> None:
    """Raise `UsageError` for a component that the chart's convention has no values for."""
    if not entry.infrastructure:
        return
    try:
        convention = target.recognised
    except SuiteError:
        return  # the chart cannot be read: its own error says so
    for number, name in enumerate(entry.infrastructure if convention else ()):
        if convention and name not in convention.infrastructure:
            raise entry.error(
                f"infrastructure[{number}]",
                f"the convention `{convention.name}` has no values for `{name}`, so the chart would not find it",
                expected=f"{' or '.join(convention.infrastructure) or 'no server'}",
                fix=f"describe them in the convention: `infrastructure.{name}`",
            )


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return True  # in a folder that cannot be read: the error of its target says so


def _targets_of(path: Path, convention: Convention | None, others: Sequence[Convention]) -> list[ChartTarget]:
    """Return the targets of one PATH: its charts, and an error for each folder that cannot be read."""
    if not _exists(path):
        return [_broken(path, missing(path))]
    failures: list[OSError] = []
    try:
        path = _chart_named_by(path, convention, others)
    except OSError as failure:
        failures.append(failure)
    except SuiteError as error:
        return [_broken(path, error)]
    charts = [] if failures else find_charts(path, failures.append)
    if not charts and not failures:
        return [_broken(path, SuiteError(f"{path}: no chart in it", expected=_TREE))]
    return [*(_target(chart, path) for chart in charts), *(_unreadable(path, failure) for failure in failures)]


def _chart_named_by(path: Path, convention: Convention | None, others: Sequence[Convention]) -> Path:
    """Return the chart that a file belongs to, and a folder or an archive as it is.

    Raises `SuiteError` for a file of no chart, and `OSError`.
    """
    if path.is_dir() or (path.is_file() and is_archive(path)):
        return path
    chart = chart_of(path, convention, others) if path.is_file() else None
    if chart is None:
        if path.is_file():
            raise SuiteError(f"{path} lies in no chart", expected=_PATH, fix=_LEAVE_OUT)
        raise SuiteError(f"{path} is neither a file nor a folder", expected=_PATH)
    return chart


def _broken(path: Path, error: SuiteError) -> ChartTarget:
    label = path.absolute().name
    return ChartTarget(name=label, label=label, path=path, error=error)


def _unreadable(path: Path, failure: OSError) -> ChartTarget:
    place = Path(str(failure.filename or path))
    return _broken(place, SuiteError(f"{place}: cannot be read: {failure.strerror}"))


def _target(chart: Path, argument: Path) -> ChartTarget:
    folder = folder_from_here(chart)
    name = chart.resolve().name
    if chart.is_dir():
        try:
            name = read_metadata(chart)["name"]
        except SuiteError as error:
            return ChartTarget(name=name, label=name, path=chart, root=argument, folder=folder, error=error)
    else:
        name = name.removesuffix(".tgz")
    return ChartTarget(name=name, label=name, path=chart, root=argument, folder=folder)


#: The names that `helm package` gives to archives; other archives in a tree are not charts.
_PACKAGE = re.compile(r".+-v?\d+\.\d+\.\d+[^/]*\.tgz")


def _raise(failure: OSError) -> None:
    raise failure


def find_charts(path: Path, on_error: Callable[[OSError], None] = _raise) -> list[Path]:
    """List the charts at or below `path`, sorted; charts inside a chart belong to that one.

    `on_error` gets the error of each folder that cannot be read, as that of `os.walk` does.
    """
    found = []
    try:
        if path.is_file() or (path / CHART_FILE).is_file():
            return [path]
        for entry in sorted(path.iterdir()):
            if entry.is_symlink() or entry.name.startswith("."):
                continue
            if entry.is_dir():
                found += find_charts(entry, on_error)
            elif _PACKAGE.fullmatch(entry.name):
                found.append(entry)
    except OSError as failure:
        on_error(failure)
    return found


_T = TypeVar("_T")


_SHARD = re.compile(r"(\d+)/(\d+)")


def in_shard(targets: Sequence[ChartTarget], shard: str) -> tuple[ChartTarget, ...]:
    """Return part `I/N` of the targets. A chart stays in its part when other charts are added or removed."""
    return in_part(targets, shard, lambda target: target.name)


def in_part(entries: Sequence[_T], shard: str, name_of: Callable[[_T], str]) -> tuple[_T, ...]:
    """Return part `I/N` of the entries, chosen by a hash of the name: it does not change with other entries.

    Raises `UsageError` if `shard` is not such a text.
    """
    index, count = _parsed_shard(shard)
    return tuple(entry for entry in entries if _bucket(name_of(entry), count) == index - 1)


def _parsed_shard(shard: str) -> tuple[int, int]:
    match = _SHARD.fullmatch(shard)
    index, count = (int(match[1]), int(match[2])) if match else (0, 0)
    if not 1 <= index <= count:
        raise UsageError(f"--shard {shard}", expected="I/N with I from 1 to N, such as 1/4")
    return index, count


def _bucket(name: str, count: int) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) % count
