"""Conventions: recognising the one of a chart, and filling its templates of values."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

from osh_conformance.charts.values import at, merged, placed
from osh_conformance.errors import SuiteError, UsageError
from osh_conformance.loading import definitions, records
from osh_conformance.loading.search import PACKAGE_ONLY, DataPath
from osh_conformance.loading.suggest import did_you_mean
from osh_conformance.model.chart import STANDARD_KEYS, DeclaredImage, Values
from osh_conformance.model.convention import PULL_SECRET, Convention

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


@functools.cache
def shipped() -> Mapping[str, Convention]:
    """Return the conventions that come with the suite, by name."""
    return definitions.conventions()


@functools.cache
def users(path: DataPath) -> tuple[Convention, ...]:
    """Return the conventions that users' folders define."""
    return tuple(each for name, each in definitions.conventions(path).items() if name not in shipped())


def named(name: str, path: DataPath = PACKAGE_ONLY) -> Convention:
    """Return a convention of the search path by name, or read a user's own file. Raises `UsageError`."""
    known = definitions.conventions(path) if path.folders else shipped()
    if name in known:
        return known[name]
    if name.endswith((".yaml", ".yml")):
        return records.load(Convention, Path(name))
    raise UsageError(f"no convention `{name}`{did_you_mean(name, known)}", expected=f"a file, or {', '.join(known)}")


def recognise(values: Mapping[str, Any], others: Sequence[Convention] = ()) -> Convention | None:
    """Return the convention whose images section these values have: the one with the longest path.

    `others` are conventions beside those that come with the suite: see `users`.
    """
    fitting = [convention for convention in (*shipped().values(), *others) if _fits(convention, values)]
    return max(fitting, key=lambda convention: convention.images.count("."), default=None)


def _fits(convention: Convention, values: Mapping[str, Any]) -> bool:
    section = at(values, convention.images)
    if not isinstance(section, dict):
        return False
    # A list is a setting of the chart (`pullSecrets: []`), which says nothing about the other entries.
    settings = {key for key, entry in section.items() if key in convention.not_keys or isinstance(entry, list)}
    entries = {key: entry for key, entry in section.items() if key not in settings}
    if not all(_is_reference(entry) for entry in entries.values()):
        return False
    # In some other layouts `images` holds a registry and a tag for all images, and no references.
    return 2 * sum(_looks_like_one(entry) for entry in entries.values()) >= len(entries) > 0


def _looks_like_one(entry: Any) -> bool:
    return not entry or any(mark in str(entry) for mark in "/:@")


def _is_reference(entry: Any) -> bool:
    return entry is None or (isinstance(entry, str | int | float) and not isinstance(entry, bool))


def check_section(values: Mapping[str, Any]) -> None:
    """Raise `SuiteError` if `images` exists, but is no mapping."""
    section = values.get("images")
    if section is not None and not isinstance(section, dict):
        raise SuiteError(
            f"values.yaml: `images` is a {'list' if isinstance(section, list) else 'single value'}",
            expected="a mapping of image keys to references",
        )


def declared_images(convention: Convention, values: Values, effective: Mapping[str, Any]) -> tuple[DeclaredImage, ...]:
    """List the images section of the `effective` values, with lines of the chart's own values.yaml."""
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
    """Return for each key the standard key whose task it performs, "" for a component's own key."""
    aliases = {filled(alias, {"chart": service_name(chart)}): key for alias, key in convention.aliases.items()}
    return {key: key if key in STANDARD_KEYS else aliases.get(key, "") for key in keys}


def override_patterns(convention: Convention | None, chart: str, others: Sequence[Convention] = ()) -> tuple[str, ...]:
    """Return patterns of the values overrides of `chart`, relative to it; without a convention, those of all.

    `others` as `recognise` has it.
    """
    known = (convention,) if convention else (*shipped().values(), *others)
    return tuple(pattern.replace("{chart}", chart) for each in known for pattern in each.overrides)


def drop_values(convention: Convention, *, enabled: bool) -> dict[str, Any]:
    """Return the values that switch the drop Job on or off."""
    return placed(convention.db_drop, enabled)


def pull_secret_values(convention: Convention, chart: str, secret: str) -> dict[str, Any]:
    """Return the values that make the pods of `chart` pull with the Secret `secret`, none without a place for it."""
    words = {"chart": service_name(chart), "chart_name": chart, "secret": secret}
    found: dict[str, Any] = filled(convention.pull_secret, words)
    return found


def pull_secret_path(convention: Convention, chart: str) -> str:
    """Return the dotted path of the values that name a chart's pull secret, "" without a place for it."""
    return next(_paths_of(pull_secret_values(convention, chart, PULL_SECRET), PULL_SECRET), "")


def _paths_of(values: Any, text: str) -> Iterator[str]:
    """Yield the dotted path of each mapping's entry that is `text` or a list with it."""
    for key, entry in values.items() if isinstance(values, dict) else ():
        if isinstance(entry, dict):
            yield from (f"{key}.{path}" for path in _paths_of(entry, text))
        elif entry == text or (isinstance(entry, list) and text in str(entry)):
            yield str(key)


def image_values(convention: Convention, images: Mapping[str, str], policy: str | None = None) -> dict[str, Any]:
    """Return the values that set image references by key, and the pull policy."""
    layers = [placed(convention.images, dict(images))] if images else []
    if policy is not None:
        layers.append(placed(convention.pull_policy, policy))
    return merged(*layers)


def service_name(chart: str) -> str:
    """Return the chart's name with underscores, as values call it."""
    return chart.replace("-", "_")


def filled(template: Any, words: Mapping[str, str | int]) -> Any:
    """Fill `{placeholders}`, in keys too; a text that is only a placeholder gets the type of its word."""
    if isinstance(template, dict):
        return {filled(key, words): filled(value, words) for key, value in template.items()}
    if isinstance(template, list):
        return [filled(entry, words) for entry in template]
    if not isinstance(template, str):
        return template
    for name, word in words.items():
        if template == f"{{{name}}}":
            return word
        template = template.replace(f"{{{name}}}", str(word))
    return template
