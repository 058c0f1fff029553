"""The data files of each kind, read and checked, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from osh_conformance.errors import UsageError
from osh_conformance.loading import records
from osh_conformance.loading.search import PACKAGE_ONLY, DataPath, data_files
from osh_conformance.loading.suggest import did_you_mean
from osh_conformance.model.convention import Convention
from osh_conformance.model.field_values import RULES
from osh_conformance.model.matrix import ContainerRuntime, Flavor, PackagingFormat
from osh_conformance.model.scenario import Scenario

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

#: On the command line, every value of an axis.
ALL = "all"
_Record = TypeVar("_Record", Flavor, PackagingFormat, ContainerRuntime, Convention, Scenario)


def flavors(path: DataPath = PACKAGE_ONLY) -> Mapping[str, Flavor]:
    """Return the image flavors, by name."""
    return _read(Flavor, "flavors", path)


def formats(path: DataPath = PACKAGE_ONLY) -> Mapping[str, PackagingFormat]:
    """Return the packaging formats, by name."""
    return _read(PackagingFormat, "formats", path)


def runtimes(path: DataPath = PACKAGE_ONLY) -> Mapping[str, ContainerRuntime]:
    """Return the container runtimes, by name."""
    return _read(ContainerRuntime, "runtimes", path)


def conventions(path: DataPath = PACKAGE_ONLY) -> Mapping[str, Convention]:
    """Return the conventions, by name."""
    return _read(Convention, "conventions", path)


def scenarios(rules: Collection[str], path: DataPath = PACKAGE_ONLY) -> Mapping[str, Scenario]:
    """Return the scenarios, by name; a rule that is not among `rules` is an error."""
    return _read(Scenario, "scenarios", path, {RULES: rules})


def chosen(known: Mapping[str, _Record], name: str, kind: str) -> _Record:
    """Return the record called `name`. Raises `UsageError` that lists what there is."""
    if name not in known:
        raise UsageError(f"no {kind} `{name}`{did_you_mean(name, known)}", expected=", ".join(sorted(known)))
    return known[name]


def _read(
    record: type[_Record], kind: str, path: DataPath, known: Mapping[str, Collection[str]] | None = None
) -> Mapping[str, _Record]:
    found: dict[str, _Record] = {}
    for name, file in data_files(kind, path).items():
        content = records.read(file, known or {})
        found[name] = records.convert(record, content)
        if found[name].name != name:
            raise content.error(
                "name", f"`name` is `{found[name].name}`, and the file is called {file.name}", f"`name: {name}`"
            )
    return found
