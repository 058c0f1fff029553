"""Reading the data files of the matrix (flavors, formats, runtimes) and the scenarios: a new one is a new file."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from osh_conformance.errors import SuiteError, UsageError
from osh_conformance.loading.files import read_text
from osh_conformance.loading.search import data_folder
from osh_conformance.loading.suggest import did_you_mean
from osh_conformance.loading.yaml import read_values
from osh_conformance.model.matrix import ContainerRuntime, Flavor, PackagingFormat
from osh_conformance.model.scenario import Scenario, ScenarioGroup, ScenarioStep
from osh_conformance.rules import registry

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

#: On the command line, every value of an axis.
ALL = "all"
_Record = TypeVar("_Record", Flavor, PackagingFormat, ContainerRuntime, Scenario)


def flavors() -> Mapping[str, Flavor]:
    """The image flavors that come with the suite, by name."""
    return _shipped(Flavor, "flavors")


def formats() -> Mapping[str, PackagingFormat]:
    """The packaging formats, by name."""
    return _shipped(PackagingFormat, "formats")


def runtimes() -> Mapping[str, ContainerRuntime]:
    """The container runtimes, by name."""
    return _shipped(ContainerRuntime, "runtimes")


def scenarios() -> Mapping[str, Scenario]:
    """The scenarios that come with the suite, by name, each with all rules that are checked in it.

    Raises `SuiteError` for a rule of another distribution that is checked in none.
    """
    found = {
        name: dataclasses.replace(scenario, rules=registry.rules_of(scenario))
        for name, scenario in _shipped(Scenario, "scenarios").items()
    }
    _check_every_rule_has_one(found)
    return found


def _check_every_rule_has_one(known: Mapping[str, Scenario]) -> None:
    checked = {rule for scenario in known.values() for rule in (*scenario.rules, *scenario.times(2).rules)}
    for rule in {**registry.live_rules(), **registry.matrix_rules()}:
        if rule not in checked:
            asked = registry.all_rules()[rule].scenarios
            raise SuiteError(
                f"{rule} is checked in no scenario (its `scenarios`: {', '.join(asked) or 'empty'})",
                expected=f"a name or a table of a scenario: {', '.join((*ScenarioGroup, *sorted(known)))}",
                fix=f"correct `scenarios` of {rule}",
            )


def chosen(known: Mapping[str, _Record], name: str, kind: str) -> _Record:
    """The record called `name`. Raises `UsageError` that says what there is."""
    if name not in known:
        raise UsageError(f"no {kind} `{name}`{did_you_mean(name, known)}", expected=", ".join(sorted(known)))
    return known[name]


def read(record: type[_Record], file: Path) -> _Record:
    """Read one record from a YAML file. Raises `UsageError` that says what is wrong with it."""
    if not file.is_file():
        raise UsageError(f"{file} does not exist")
    content = read_values(read_text(file), str(file)).content
    _check_fields(file, record, content)
    steps: Any = content.get("steps") if record is Scenario else None
    # What is no list of mappings, the conversion tells.
    for step in steps if isinstance(steps, list) else ():
        if isinstance(step, dict):
            _check_fields(file, ScenarioStep, step)
    try:
        return msgspec.convert(content, record)
    except msgspec.ValidationError as error:
        raise UsageError(f"{file}: {error}") from error


def _check_fields(file: Path, record: type, content: Mapping[str, Any]) -> None:
    known = {field.name for field in dataclasses.fields(record)}
    for entry in content:
        if entry not in known:
            raise UsageError(f"{file}: no field `{entry}`{did_you_mean(str(entry), known)}")


def _shipped(record: type[_Record], folder: str) -> dict[str, _Record]:
    found = [read(record, file) for file in sorted(data_folder(folder).glob("*.yaml"))]
    return {each.name: each for each in found}


def references(flavor: Flavor, chart: str, keys: Mapping[str, str]) -> dict[str, str]:
    """The flavor's reference for each image key of a chart; `keys` says which standard function each key performs.

    Empty for a flavor that has no images of its own (`shipped`). Raises `UsageError` where it has none for this chart.
    """
    if flavor.shipped:
        return {}
    found: dict[str, str] = {}
    missing = []
    for key, function in keys.items():
        reference: Any = flavor.images.get(key) or flavor.images.get(function) or flavor.services.get(chart)
        if reference:
            found[key] = reference
        else:
            missing.append(key)
    if missing:
        raise UsageError(
            f"the flavor {flavor.name} has no image for {', '.join(missing)} of chart {chart}",
            expected=f"an entry below `services` for {chart}, or one below `images` for each key",
            fix="describe your images in a file of your own and give it with --flavor-file",
        )
    return found
