"""Finds the charts below the PATH arguments, and takes a shard of them."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from osh_conformance.charts import catalog, conventions
from osh_conformance.charts.source import CHART_FILE, Reader, read_metadata
from osh_conformance.charts.target import ChartTarget
from osh_conformance.charts.values import merged
from osh_conformance.errors import SuiteError, UsageError
from osh_conformance.loading.search import PACKAGE_ONLY, DataPath

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from osh_conformance.model.convention import Convention


def missing(path: Path) -> SuiteError:
    """Return the error for a PATH that does not exist."""
    return SuiteError(f"{path} does not exist", expected="a chart directory, a .tgz, or a tree of charts")


def check_paths(paths: Sequence[Path]) -> None:
    """Raise `UsageError` if no PATH exists. If only some do, each other one becomes a target with an error."""
    if paths and not any(path.exists() for path in paths):
        error = missing(paths[0])
        raise UsageError(error.message, expected=error.expected)


def find_targets(
    paths: Iterable[Path],
    *,
    convention: str | None = None,
    catalog_file: Path | None = None,
    values: Mapping[str, Any] | None = None,
    data: DataPath = PACKAGE_ONLY,
) -> tuple[ChartTarget, ...]:
    """Find the charts below `paths`, each once. A path without a chart becomes a target with an error.

    `convention` is a name or a file, `catalog_file` replaces the catalog beside a chart, `values` go over those of the
    catalog, conventions come from `data`. Raises `UsageError` for a convention that does not exist.
    """
    named = conventions.named(convention, data) if convention else None
    others = conventions.users(data)
    reader = Reader()
    by_place: dict[Path, ChartTarget] = {}
    for target in (target for path in paths for target in _targets_of(path)):
        by_place.setdefault(target.path.resolve(), replace(target, reader=reader, others=others))
    found = list(by_place.values())
    names = Counter(target.label for target in found)
    return tuple(
        _with_catalog(
            replace(target, label=str(target.path)) if names[target.label] > 1 else target,
            named,
            catalog_file,
            values or {},
            data,
        )
        for target in found
    )


def _with_catalog(
    target: ChartTarget, convention: Convention | None, file: Path | None, values: Mapping[str, Any], data: DataPath
) -> ChartTarget:
    """Add what the catalog and the options say about the chart. A wrong catalog is an error of the target."""
    if target.error:
        return target
    try:
        entry = catalog.entry_for(target.path, file)
        named = convention or (conventions.named(entry.convention, data) if entry.convention else None)
    except SuiteError as error:
        return replace(target, error=error)
    return replace(target, entry=entry, convention=named, values=merged(entry.values, values))


def _targets_of(path: Path) -> list[ChartTarget]:
    label = path.resolve().name
    if not path.exists():
        return [ChartTarget(name=label, label=label, path=path, error=missing(path))]
    try:
        charts = find_charts(path)
    except OSError as failure:
        error = SuiteError(f"{failure.filename}: cannot be read: {failure.strerror}")
        return [ChartTarget(name=label, label=label, path=path, error=error)]
    if not charts:
        error = SuiteError(f"{path}: no chart in it", expected="a folder with a Chart.yaml, at any depth")
        return [ChartTarget(name=label, label=label, path=path, error=error)]
    return [_target(chart, path) for chart in charts]


def _target(chart: Path, argument: Path) -> ChartTarget:
    folder = "" if chart == argument else f"{chart.relative_to(argument).as_posix()}/"
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


def find_charts(path: Path) -> list[Path]:
    """List the charts at or below `path`, sorted; charts inside a chart belong to that one."""
    if path.is_file() or (path / CHART_FILE).is_file():
        return [path]
    found = []
    for entry in sorted(path.iterdir()):
        if entry.is_symlink() or entry.name.startswith("."):
            continue
        if entry.is_dir():
            found += find_charts(entry)
        elif _PACKAGE.fullmatch(entry.name):
            found.append(entry)
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
