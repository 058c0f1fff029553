"""`catalog.yaml`: what a tree of charts says about itself that no chart says."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from osh_conformance.errors import UsageError
from osh_conformance.loading.files import read_text
from osh_conformance.loading.suggest import did_you_mean
from osh_conformance.loading.yaml import read_values

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

#: The file's name, and the key that tells it from anybody else's file of that name.
FILE = "catalog.yaml"
_MARK = "osh_conformance_catalog"


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogEntry:
    """What the catalog says of one chart. `path` is absolute.

    `values` are given to every rendering and every cell, `convention` is the name of one (None: recognise it),
    `infrastructure` are the components that a cell must have (None: those that the convention knows), `flavor` is
    the image flavor of a live run that names none. `tests` is a folder or file of the chart's own pytest tests, which
    run in every cell while the release is up; absolute. `previous` is the chart's previous version, a folder or an
    archive, from which scenarios upgrade; None: this one, under a lower version number.
    """

    path: Path
    values: Mapping[str, Any] = field(default_factory=dict)
    convention: str | None = None
    infrastructure: tuple[str, ...] | None = None
    flavor: str = "shipped"
    tests: Path | None = None
    previous: Path | None = None


_FIELDS = {entry.name for entry in fields(CatalogEntry)}


def read(file: Path) -> tuple[CatalogEntry, ...]:
    """Read a catalog; raises `UsageError` that says what is wrong with it."""
    if not file.is_file():
        raise UsageError(f"the catalog {file} does not exist")
    content = read_values(read_text(file), str(file)).content
    entries = content.get("charts")
    if content.get(_MARK) != 1 or not isinstance(entries, list):
        raise UsageError(f"{file}: no catalog", expected=f"`{_MARK}: 1` and a list `charts`")
    return tuple(_entry(file, entry) for entry in entries)


def entry_for(chart: Path, catalog: Path | None = None) -> CatalogEntry:
    """Return what `catalog`, or the one beside the chart, says of `chart`: an empty entry if nothing does."""
    here = chart.resolve()
    beside = here.parent / FILE
    file = catalog or (beside if beside.is_file() and _MARK in read_text(beside) else None)
    for entry in read(file) if file else ():
        if entry.path == here:
            return entry
    return CatalogEntry(path=here)


def _entry(file: Path, entry: Any) -> CatalogEntry:
    if not isinstance(entry, dict) or not isinstance(entry.get("path"), str):
        raise UsageError(f"{file}: an entry of `charts` has no `path`")
    for name in entry:
        if name not in _FIELDS:
            raise UsageError(f"{file}: no field `{name}`{did_you_mean(str(name), _FIELDS)}")
    infrastructure = entry.get("infrastructure")
    tests, previous = (_place(file, entry, name) for name in ("tests", "previous"))
    return CatalogEntry(
        path=(file.parent / entry["path"]).resolve(),
        values=entry.get("values") or {},
        convention=entry.get("convention"),
        infrastructure=None if infrastructure is None else tuple(infrastructure),
        flavor=entry.get("flavor", "shipped"),
        tests=tests,
        previous=previous,
    )


def _place(file: Path, entry: Mapping[str, Any], name: str) -> Path | None:
    if not entry.get(name):
        return None
    found = (file.parent / str(entry[name])).resolve()
    if not found.exists():
        raise UsageError(f"{file}: {entry['path']}: `{name}`: {found} does not exist")
    return found
