"""`catalog.yaml`: facts about the charts of a folder that their own files do not state."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003  (the loader reads the types of fields)
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from osh_conformance.errors import UsageError
from osh_conformance.loading import records
from osh_conformance.loading.files import read_text

if TYPE_CHECKING:
    from osh_conformance.loading.records import Content

#: The file's name, and the key without which a file of that name is not ours.
FILE = "catalog.yaml"
_MARK = "osh_conformance_catalog"
_LIST = "charts"
_PATHS = ("tests", "previous")


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogEntry:
    """One chart of a catalog. Its paths in the file are relative to the file; in this record they are absolute."""

    path: Path
    """The chart: a folder or an archive."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """Values for every rendering and every cell."""
    convention: str | None = None
    """The name of the chart's convention; by default the suite recognises it."""
    infrastructure: tuple[str, ...] | None = None
    """The components that a cell must have; by default those that the convention knows."""
    flavor: str = "shipped"
    """The image flavor of live runs without `--flavor`."""
    tests: Path | None = None
    """A folder or file of the chart's own pytest tests. They run in every cell while the release is installed."""
    previous: Path | None = None
    """The chart's previous version, a folder or an archive, for scenarios that upgrade; by default this version, under
    a lower version number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogFile:
    """Facts about the charts of a folder that their own files do not state."""

    osh_conformance_catalog: int
    """The version of this layout: `1`."""
    charts: tuple[CatalogEntry, ...]
    """The charts."""


def read(file: Path) -> tuple[CatalogEntry, ...]:
    """Read a catalog; raises `UsageError` with the line and the field of the first mistake."""
    if not file.is_file():
        raise UsageError(f"the catalog {file} does not exist")
    content = records.read(file)
    entries = content.fields.get(_LIST)
    if content.fields.get(_MARK) != 1 or not isinstance(entries, list):
        raise UsageError(f"{file}: no catalog", expected=f"`{_MARK}: 1` and a list `{_LIST}`")
    stated = [_without_empty(entry) for entry in entries]
    found = records.convert(CatalogFile, replace(content, fields={**content.fields, _LIST: stated}))
    return tuple(_absolute(entry, content, f"{_LIST}[{number}]") for number, entry in enumerate(found.charts))


def entry_for(chart: Path, catalog: Path | None = None) -> CatalogEntry:
    """Return the entry of `chart` in `catalog`, or in the one beside the chart; an empty entry without one."""
    here = chart.resolve()
    beside = here.parent / FILE
    file = catalog or (beside if beside.is_file() and _MARK in read_text(beside) else None)
    for entry in read(file) if file else ():
        if entry.path == here:
            return entry
    return CatalogEntry(path=here)


def _without_empty(entry: Any) -> Any:
    """Leave out fields without a value: they have their default."""
    return (
        {name: value for name, value in entry.items() if value not in (None, "")} if isinstance(entry, dict) else entry
    )


def _absolute(entry: CatalogEntry, content: Content, place: str) -> CatalogEntry:
    folder = Path(content.file).parent
    paths = {name: (folder / path).resolve() for name in _PATHS if (path := getattr(entry, name))}
    for name, path in paths.items():
        if not path.exists():
            raise content.error(f"{place}.{name}", f"`{place}.{name}`: {path} does not exist")
    return replace(entry, path=(folder / entry.path).resolve(), **paths)
