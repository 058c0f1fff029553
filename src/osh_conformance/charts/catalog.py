"""`catalog.yaml`: facts about charts that their own files do not state, and where the charts are."""

from __future__ import annotations

import os
from collections.abc import Mapping  # noqa: TC003  (the loader reads the types of fields)
from dataclasses import dataclass, field, fields, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from osh_conformance.charts import conventions
from osh_conformance.charts.commits import FetchError, GitCommit
from osh_conformance.charts.files import CHART_FILE
from osh_conformance.errors import SuiteError, UsageError
from osh_conformance.loading import records
from osh_conformance.loading.files import read_text
from osh_conformance.loading.search import data_folder
from osh_conformance.loading.suggest import did_you_mean
from osh_conformance.model.chart import GivenValues

if TYPE_CHECKING:
    from osh_conformance.loading.records import Content

#: The file's name, and the key without which a file of that name is not ours.
FILE = "catalog.yaml"
_MARK = "osh_conformance_catalog"
_LIST = "charts"
#: The fields with paths beside the chart's own.
_PATHS = ("tests", "previous", "deviations")


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogEntry:
    """One chart of a catalog.

    Its paths are relative to the file; with `git`, the path of the chart is relative to the top of that repository.
    """

    path: Path
    """The chart: a folder or an archive."""
    git: str = ""
    """The git repository that holds the chart: a URL, or the path of one on this machine. It needs `commit`."""
    commit: str = ""
    """The full id of the commit that holds the chart: 40 hexadecimal digits. It needs `git`."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """Values for every rendering and every cell."""
    convention: str | None = None
    """The name of the chart's convention, or a file with one; by default the suite recognises it."""
    infrastructure: tuple[str, ...] | None = None
    """The suite's own servers that a cell has: `mariadb`, which a live run always needs, and `rabbitmq`. Scenarios that
    are not about the whole service have `mariadb` only."""
    needs: tuple[str, ...] = ()
    """The names of other charts of the catalog that this one needs. A live run installs them first, once for all cells
    whose scenario is about the whole service."""
    flavor: str = "shipped"
    """The image flavor of live runs without `--flavor`."""
    helm_test: bool = False
    """Whether `helm test` runs in every cell while the release is installed."""
    tests: Path | None = None
    """A folder or file of the chart's own pytest tests. They run in every cell while the release is installed."""
    previous: Path | None = None
    """The chart's previous version, a folder or an archive, for scenarios that upgrade; by default this version, under
    a lower version number."""
    deviations: Path | None = None
    """A file of [deviations](deviations.md) that applies to this chart only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogFile:
    """Facts about charts that their own files do not state, and where the charts are."""

    osh_conformance_catalog: int
    """The version of this layout: `1`."""
    charts: tuple[CatalogEntry, ...]
    """The charts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartEntry(CatalogEntry):
    """An entry with absolute paths, and its place in the file. `source` is the commit of a chart inside a repository.

    The path of such a chart is the one in the cache, whether the commit has been fetched or not.
    """

    content: Content | None = field(default=None, compare=False, repr=False)
    number: int = 0
    source: GitCommit | None = None

    @property
    def place(self) -> str:
        """`file:line`, "" for a chart that no catalog names."""
        return f"{self.content.file}:{self.content.line(f'{_LIST}[{self.number}]')}" if self.content else ""

    @property
    def root(self) -> Path:
        """The folder of the chart's commit, or of its catalog; without a catalog, the chart itself."""
        if self.source:
            return self.source.place
        return Path(self.content.file).parent.resolve() if self.content else self.path

    @property
    def origin(self) -> str:
        """Where the chart comes from, for messages: a path, or the repository, the commit and the path in it."""
        if self.source is None:
            return str(self.path)
        return f"{self.source.shown}/{self.path.relative_to(self.source.place).as_posix()}"

    @property
    def given(self) -> tuple[GivenValues, ...]:
        """The lines of `values` in the catalog; nothing without a catalog."""
        top = f"{_LIST}[{self.number}].values."
        content = self.content
        if content is None:
            return ()
        lines = {path.removeprefix(top): line for path, line in content.lines.items() if path.startswith(top)}
        return (GivenValues(path=content.file, lines=lines),) if lines else ()

    def error(self, name: str, problem: str, *, expected: str = "", fix: str = "", details: str = "") -> UsageError:
        """Return the error of a field, such as `needs[1]`, with its place."""
        path = f"{_LIST}[{self.number}].{name}"
        if self.content is None:
            return UsageError(f"`{name}`: {problem}", expected=expected, fix=fix, details=details)
        return self.content.error(path, f"`{path}`: {problem}", expected, fix, details)


_FIELDS = tuple(each.name for each in fields(CatalogEntry))


def read(file: Path) -> tuple[ChartEntry, ...]:
    """Read a catalog; raises `UsageError` with the line and the field of the first mistake. Fetches nothing."""
    if not file.is_file():
        raise UsageError(f"the catalog {file} does not exist")
    try:
        content = records.read(file)
    except SuiteError as error:
        raise UsageError(error.message, expected=error.expected) from error
    entries = content.fields.get(_LIST)
    if content.fields.get(_MARK) != 1 or not isinstance(entries, list):
        raise UsageError(f"{file}: no catalog", expected=f"`{_MARK}: 1` and a list `{_LIST}`")
    for number, entry in enumerate(entries):
        if isinstance(entry, dict) and isinstance(entry.get("commit"), int):
            path = f"{_LIST}[{number}].commit"
            raise content.error(path, f"`{path}`: YAML reads it as a number", "a text", "put the id into quotes")
    stated = [_without_empty(entry) for entry in entries]
    found = records.convert(CatalogFile, replace(content, fields={**content.fields, _LIST: stated}))
    placed = tuple(_placed(entry, content, number) for number, entry in enumerate(found.charts))
    for entry in placed:
        _check_infrastructure(entry)
    _check_places(placed)
    return placed


def beside(chart: Path) -> Path | None:
    """Return the catalog beside a chart, None without one."""
    file = chart.resolve().parent / FILE
    return file if file.is_file() and _MARK in read_text(file) else None


def _without_empty(entry: Any) -> Any:
    """Leave out fields without a value: they have their default."""
    return (
        {name: value for name, value in entry.items() if value not in (None, "")} if isinstance(entry, dict) else entry
    )


def _placed(entry: CatalogEntry, content: Content, number: int) -> ChartEntry:
    """Return the entry with absolute paths; raises `UsageError` for one that does not exist."""
    folder = Path(content.file).parent.resolve()
    found = ChartEntry(**{name: getattr(entry, name) for name in _FIELDS}, content=content, number=number)
    paths = {name: (folder / path).resolve() for name in _PATHS if (path := getattr(entry, name))}
    for name, path in paths.items():
        if not path.exists():
            raise found.error(name, f"{path} does not exist")
    convention = entry.convention
    if convention and conventions.is_file(convention):
        convention = str(folder / convention)
    found = replace(found, convention=convention, **paths)
    if entry.git or entry.commit:
        return _in_repository(found, folder)
    found = replace(found, path=(folder / entry.path).resolve())
    check_chart(found)
    return found


def check_chart(entry: ChartEntry) -> None:
    """Raise `UsageError` for a path without a chart."""
    if not entry.path.exists():
        where = f"{entry.source.shown} has no {_inside(entry)}" if entry.source else f"{entry.path} does not exist"
        raise entry.error("path", where, expected="a chart: a folder with a Chart.yaml, or a .tgz")
    if entry.path.is_dir() and not (entry.path / CHART_FILE).is_file():
        raise entry.error(
            "path", f"{entry.origin} is no chart: it has no {CHART_FILE}", expected="the folder of a chart, or a .tgz"
        )


def _inside(entry: ChartEntry) -> str:
    return entry.origin.removeprefix(f"{entry.source.shown}/") if entry.source else ""


def _in_repository(entry: ChartEntry, folder: Path) -> ChartEntry:
    if not entry.commit:
        raise entry.error("git", "`commit` is missing", expected="the full id of a commit beside `git`")
    if not entry.git:
        raise entry.error("commit", "`git` is missing", expected="the URL or path of a git repository beside `commit`")
    if entry.path.is_absolute():
        raise entry.error(
            "path",
            f"{entry.path} is absolute, and `git` names a repository",
            expected="a path inside the repository, or no `git`",
        )
    if ".." in PurePosixPath(entry.path).parts:
        raise entry.error("path", f"{entry.path} leads out of the repository", expected="a path without `..`")
    try:
        source = GitCommit.of(entry.git, entry.commit, folder)
    except FetchError as error:
        raise located(entry, error) from error
    return replace(entry, path=source.place / os.path.normpath(entry.path), source=source)


def located(entry: ChartEntry, error: FetchError) -> UsageError:
    """Return the error of a commit with its place in the catalog."""
    return entry.error(error.field, error.message, expected=error.expected, fix=error.fix, details=error.details)


def _check_places(entries: tuple[ChartEntry, ...]) -> None:
    first: dict[Path, ChartEntry] = {}
    for entry in entries:
        known = first.setdefault(entry.path, entry)
        if known is not entry:
            raise entry.error(
                "path", f"{entry.origin} is there twice, first in {known.place}", expected="each chart once"
            )


def servers() -> tuple[str, ...]:
    """Return the names of the suite's own servers."""
    return tuple(sorted(file.parent.name for file in data_folder("infrastructure").glob(f"*/{CHART_FILE}")))


def _check_infrastructure(entry: ChartEntry) -> None:
    for number, name in enumerate(entry.infrastructure or ()):
        if name not in servers():
            raise entry.error(
                f"infrastructure[{number}]",
                f"the suite has no server `{name}`{did_you_mean(name, servers())}",
                expected=f"{' or '.join(servers())}; another chart of the catalog belongs into `needs`",
            )
