"""The catalogs of a run: which entry a chart has, what must be fetched for it, and whether the entries fit together."""

from __future__ import annotations

from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from osh_conformance.charts import catalog
from osh_conformance.charts.catalog import ChartEntry
from osh_conformance.charts.commits import FetchError
from osh_conformance.charts.source import Reader, read_metadata
from osh_conformance.errors import SuiteError
from osh_conformance.loading.suggest import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path


@dataclass(slots=True)
class Catalogs:
    """Reads each catalog once. With `file` it applies to all charts, else each chart has the one beside it."""

    reader: Reader
    file: Path | None = None
    _read: dict[Path, tuple[ChartEntry, ...]] = field(default_factory=dict)

    def all(self) -> tuple[ChartEntry, ...]:
        """Fetch and return all entries of `file`, with a path that exists. Raises `UsageError` for any mistake."""
        entries = self._entries(self.file) if self.file else ()
        _fetch(entries)
        self._check(entries, complete=True)
        return entries

    def entries_for(self, charts: Iterable[Path]) -> Mapping[Path, ChartEntry]:
        """Return the entries of these charts by path; a chart that no catalog names has an empty one.

        Fetches a commit only for what these charts need. Raises `UsageError` for a mistake in a catalog that applies.
        """
        found: dict[Path, ChartEntry] = {}
        by_file: dict[Path, list[ChartEntry]] = {}
        for chart in charts:
            here = chart.resolve()
            found[chart] = ChartEntry(path=here)
            file = self.file or catalog.beside(chart)
            entry = next((each for each in self._entries(file) if each.path == here), None) if file else None
            if file:
                by_file.setdefault(file, [])
            if file and entry:
                found[chart] = entry
                by_file[file].append(entry)
        for file, wanted in by_file.items():
            entries = self._entries(file)
            # The name of a chart that is not here is unknown; it matters only to a chart that lacks a need.
            if _lacking(wanted, self._names(entries)):
                _fetch(entries)
            self._check(entries, complete=all(entry.path.exists() for entry in entries))
        return found

    def name(self, entry: ChartEntry) -> str:
        """Return the name in the chart's Chart.yaml, "" for a chart that is not here or cannot be read."""
        try:
            if entry.path.is_file():
                return self.reader.read(entry.path).name
            return str(read_metadata(entry.path)["name"]) if entry.path.is_dir() else ""
        except SuiteError:
            return ""

    def _entries(self, file: Path) -> tuple[ChartEntry, ...]:
        if file not in self._read:
            self._read[file] = catalog.read(file)
        return self._read[file]

    def _names(self, entries: Iterable[ChartEntry]) -> dict[str, ChartEntry]:
        """Return the entries by name; raises `UsageError` for two of one name."""
        found: dict[str, ChartEntry] = {}
        for entry in entries:
            name = self.name(entry)
            if name and (first := found.setdefault(name, entry)) is not entry:
                raise entry.error(
                    "path",
                    f"a chart called `{name}` is there twice, first in {first.place}",
                    expected="charts of different names in one catalog",
                    fix=f"leave out {entry.origin} or {first.origin}, or give it a catalog of its own",
                )
        return found

    def _check(self, entries: Iterable[ChartEntry], *, complete: bool) -> None:
        """Raise `UsageError` for needs that are not in the catalog, if all of its charts are here, and for a cycle."""
        names = self._names(entries)
        if complete:
            for entry in entries:
                _check_needs(entry, names)
        _check_cycle(names)


def _fetch(entries: Iterable[ChartEntry]) -> None:
    """Fetch the commits of all entries. Raises `UsageError` for one that cannot be fetched, or that lacks its path."""
    for entry in entries:
        if entry.source:
            try:
                entry.source.fetch()
            except FetchError as error:
                raise catalog.located(entry, error) from error
            catalog.check_chart(entry)


def _lacking(wanted: Iterable[ChartEntry], names: Mapping[str, ChartEntry]) -> bool:
    """Whether a chart, or one that it needs, needs a chart of an unknown name."""
    left, seen = list(wanted), set[int]()
    while left:
        entry = left.pop()
        if entry.number in seen:
            continue
        seen.add(entry.number)
        if any(need not in names for need in entry.needs):
            return True
        left += [names[need] for need in entry.needs]
    return False


def _check_needs(entry: ChartEntry, names: Mapping[str, ChartEntry]) -> None:
    for number, need in enumerate(entry.needs):
        if need not in names:
            raise entry.error(
                f"needs[{number}]",
                f"no chart of the catalog is called `{need}`{did_you_mean(need, names)}",
                expected=f"the name in a chart's Chart.yaml: {', '.join(sorted(names))}",
            )


def _check_cycle(names: Mapping[str, ChartEntry]) -> None:
    graph = {name: [need for need in entry.needs if need in names] for name, entry in names.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        # Each name needs the one after it.
        cycle = list(reversed(error.args[1]))
        entry = names[cycle[0]]
        number = entry.needs.index(cycle[1])
        raise entry.error(
            f"needs[{number}]",
            f"a cycle: {' -> '.join(cycle)}",
            expected="charts that can be installed one after the other",
        ) from error
