"""Conventions: reading their files, recognising the one of a chart, and putting a cell's coordinates into values."""

from __future__ import annotations

import functools
import secrets
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from osh_conformance.charts.source import read_text
from osh_conformance.charts.values import at, merged, placed
from osh_conformance.errors import SuiteError, UsageError
from osh_conformance.loading.search import data_folder
from osh_conformance.loading.suggest import did_you_mean
from osh_conformance.loading.yaml import read_values
from osh_conformance.model.chart import STANDARD_KEYS, Convention, DeclaredImage, Values
from osh_conformance.model.scenario import Table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from osh_conformance.model.scenario import Scenario

#: What distributions give to nobody: neither system accounts nor people.
_UIDS = range(60001, 61000)
_FIELDS = {field.name for field in fields(Convention)}
_REQUIRED = ("name", "images", "pull_policy", "db_drop")


@functools.cache
def shipped() -> Mapping[str, Convention]:
    """Return the conventions that come with the suite, by name."""
    found = [read(file) for file in sorted(data_folder("conventions").glob("*.yaml"))]
    return {convention.name: convention for convention in found}


def named(name: str) -> Convention:
    """Return a shipped convention by name, or read a user's own file. Raises `UsageError`."""
    if name in shipped():
        return shipped()[name]
    if name.endswith((".yaml", ".yml")):
        file = Path(name)
        if not file.is_file():
            raise UsageError(f"the convention {name} does not exist")
        return read(file)
    raise UsageError(
        f"no convention `{name}`{did_you_mean(name, shipped())}", expected=f"a file, or {', '.join(shipped())}"
    )


def read(file: Path) -> Convention:
    """Read a convention from a file; raises `UsageError` that says what is wrong with it."""
    content = read_values(read_text(file), str(file)).content
    for entry in content:
        if entry not in _FIELDS:
            raise UsageError(f"{file}: no field `{entry}`{did_you_mean(str(entry), _FIELDS)}")
    for entry in _REQUIRED:
        if not isinstance(content.get(entry), str):
            raise UsageError(f"{file}: no `{entry}`")
    try:
        return msgspec.convert({"summary": "", **content}, Convention)
    except msgspec.ValidationError as error:
        raise UsageError(f"{file}: {error}") from error


def recognise(values: Mapping[str, Any]) -> Convention | None:
    """Return the shipped convention whose images section these values have: the one with the longest path."""
    fitting = [convention for convention in shipped().values() if _fits(convention, values)]
    return max(fitting, key=lambda convention: convention.images.count("."), default=None)


def _fits(convention: Convention, values: Mapping[str, Any]) -> bool:
    section = at(values, convention.images)
    if not isinstance(section, dict):
        return False
    entries = {key: entry for key, entry in section.items() if key not in convention.not_keys}
    if not all(_is_reference(entry) for entry in entries.values()):
        return False
    # Elsewhere `images` holds a registry and a tag for all images, and no reference at all.
    return 2 * sum(_looks_like_one(entry) for entry in entries.values()) >= len(entries) > 0


def _looks_like_one(entry: Any) -> bool:
    return not entry or any(mark in str(entry) for mark in "/:@")


def _is_reference(entry: Any) -> bool:
    return entry is None or (isinstance(entry, str | int | float) and not isinstance(entry, bool))


def check_section(values: Mapping[str, Any]) -> None:
    """Raise `SuiteError` where `images` is there, but is nothing that could hold a reference by key."""
    section = values.get("images")
    if section is not None and not isinstance(section, dict):
        raise SuiteError(
            f"values.yaml: `images` is a {'list' if isinstance(section, list) else 'single value'}",
            expected="a mapping of image keys to references",
        )


def declared_images(convention: Convention, values: Values, effective: Mapping[str, Any]) -> tuple[DeclaredImage, ...]:
    """List the images section of the `effective` values, with the lines of the chart's own."""
    section = at(effective, convention.images)
    if not isinstance(section, dict):
        return ()
    images = []
    for key, entry in section.items():
        if key in convention.not_keys or not _is_reference(entry):
            continue
        path = f"{convention.images}.{key}"
        shipped_here = at(values.content, path) == entry
        images.append(
            DeclaredImage(
                key=str(key),
                reference="" if entry is None else str(entry),
                path=path,
                line=values.lines.get(path) if shipped_here else None,
            )
        )
    return tuple(images)


def functions(convention: Convention, chart: str, keys: tuple[str, ...]) -> dict[str, str]:
    """Say for each key which standard key's work it does, "" for a component's."""
    aliases = {_filled(alias, {"chart": _service(chart)}): key for alias, key in convention.aliases.items()}
    return {key: key if key in STANDARD_KEYS else aliases.get(key, "") for key in keys}


def live_values(
    convention: Convention, chart: str, infrastructure: Mapping[str, Mapping[str, str | int]]
) -> dict[str, Any]:
    """Return the values that a live cell needs: the convention's own, and where each component is.

    `infrastructure` has by component (`mariadb`) its host, port, username and password. Raises `UsageError` where the
    convention does not say how a chart learns of one.
    """
    # Another in each cell: no image has an account for it.
    name: dict[str, str | int] = {"chart": _service(chart), "uid": _UIDS.start + secrets.randbelow(len(_UIDS))}
    layers = [_filled(convention.values, name)]
    for component, coordinates in infrastructure.items():
        if component not in convention.infrastructure:
            raise UsageError(f"the convention {convention.name} does not say how a chart finds `{component}`")
        layers.append(_filled(convention.infrastructure[component], {**name, **coordinates}))
    return merged(*layers)


def scenario_values(convention: Convention, chart: str, scenario: Scenario, authority: str) -> dict[str, Any]:
    """Return the values that a scenario asks for, where the convention has a way: see `lacking`.

    `authority` is the PEM of the one that the server's certificate is of, if it has one.
    """
    words = {"chart": _service(chart), **scenario.names, "ca": authority}
    layers = [_filled(convention.names[kind], words) for kind in scenario.names if kind in convention.names]
    layers += [_filled(convention.tls, words)] if scenario.tls else []
    layers += [convention.quick.values] if scenario.quick and convention.quick else []
    layers += [convention.lean] if scenario.table is not Table.MAIN else []
    return merged(*layers)


def second_values(convention: Convention, chart: str) -> dict[str, Any]:
    """Return the values by which a second release of a chart has a database and an account of its own."""
    name = f"{_service(chart)}_second"
    words = {"chart": _service(chart), "database": name, "username": name}
    return merged(*(_filled(convention.names.get(kind, {}), words) for kind in ("database", "username")))


def lacking(convention: Convention, scenario: Scenario) -> str:
    """Return why a scenario does not apply to charts of a convention: no values do what it needs; "" if it does."""
    wanted = {*scenario.names, *(("database", "username") if scenario.has_second else ())}
    missing = sorted(wanted - set(convention.names))
    if missing:
        return f"the convention {convention.name} does not say by which values a service gets another {missing[0]}"
    if scenario.tls and not convention.tls:
        return f"the convention {convention.name} does not say how a chart learns of a certificate authority"
    return ""


def override_patterns(convention: Convention | None, chart: str) -> tuple[str, ...]:
    """Return where values overrides of `chart` lie, relative to it; of every shipped convention without one."""
    known = (convention,) if convention else shipped().values()
    return tuple(pattern.replace("{chart}", chart) for each in known for pattern in each.overrides)


def drop_values(convention: Convention, *, enabled: bool) -> dict[str, Any]:
    """Return the values that switch the drop Job on or off."""
    return placed(convention.db_drop, enabled)


def image_values(convention: Convention, images: Mapping[str, str], policy: str | None = None) -> dict[str, Any]:
    """Return the values that set image references by key, and the pull policy."""
    layers = [placed(convention.images, dict(images))] if images else []
    if policy is not None:
        layers.append(placed(convention.pull_policy, policy))
    return merged(*layers)


def _service(chart: str) -> str:
    return chart.replace("-", "_")


def _filled(template: Any, words: Mapping[str, str | int]) -> Any:
    """Put words into `{placeholders}`, in keys too; a text that is one placeholder becomes the word, with its type."""
    if isinstance(template, dict):
        return {_filled(key, words): _filled(value, words) for key, value in template.items()}
    if isinstance(template, list):
        return [_filled(entry, words) for entry in template]
    if not isinstance(template, str):
        return template
    for name, word in words.items():
        if template == f"{{{name}}}":
            return word
        template = template.replace(f"{{{name}}}", str(word))
    return template
