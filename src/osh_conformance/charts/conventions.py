"""Conventions: recognising the one of a chart, and filling its templates of values."""

from __future__ import annotations

import functools
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from osh_conformance.charts import image_entries
from osh_conformance.charts.values import at, merged, placed
from osh_conformance.errors import SuiteError, UsageError
from osh_conformance.loading import definitions, records
from osh_conformance.loading.search import PACKAGE_ONLY, DataPath
from osh_conformance.loading.suggest import did_you_mean
from osh_conformance.model.chart import STANDARD_KEYS, DeclaredImage, Shape, Values
from osh_conformance.model.convention import PULL_SECRET, Convention, ImageFields

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from osh_conformance.charts.image_entries import ImageEntry


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
    known = _known(path)
    if name in known:
        return known[name]
    if is_file(name):
        return records.load(Convention, Path(name))
    raise UsageError(f"no convention `{name}`{did_you_mean(name, known)}", expected=f"a file, or {', '.join(known)}")


def names(path: DataPath = PACKAGE_ONLY) -> tuple[str, ...]:
    """Return the names of the conventions of the search path."""
    return tuple(_known(path))


def is_file(name: str) -> bool:
    """Whether a text that names a convention is the name of a file."""
    return name.endswith((".yaml", ".yml"))


def _known(path: DataPath) -> Mapping[str, Convention]:
    return definitions.conventions(path) if path.folders else shipped()


def recognise(values: Mapping[str, Any], others: Sequence[Convention] = ()) -> Convention | None:
    """Return the convention whose images these values have: of several the one with the longest path to its section.

    A section of references goes before image maps all over the values. `others` are conventions beside those that come
    with the suite: see `users`.
    """
    fitting = [convention for convention in (*shipped().values(), *others) if _fits(convention, values)]
    return max(fitting, key=lambda each: (bool(each.images), each.images.count(".")), default=None)


def _fits(convention: Convention, values: Mapping[str, Any]) -> bool:
    if not convention.images:
        return any(entry.shape is Shape.MAP for entry in image_entries.entries(convention, values))
    section = at(values, convention.images)
    if not isinstance(section, dict) or image_entries.map_fields(section, convention.image_fields):
        return False
    # A list without references is a setting of the chart (`pullSecrets: []`), which says nothing about other entries.
    settings = {key for key, entry in section.items() if key in convention.not_keys or _is_setting(entry, convention)}
    entries = {key: entry for key, entry in section.items() if key not in settings}
    if image_entries.is_split(entries):
        return False
    # In some other layouts `images` holds a registry and a tag for all images, and no references.
    texts = sum(image_entries.looks_like_one(entry) for entry in entries.values() if not isinstance(entry, bool))
    structured = sum(isinstance(entry, dict | list) and _is_image(entry, convention) for entry in entries.values())
    marked = any(path and at(values, path) is not None for path in (convention.pull_policy, convention.db_drop))
    return bool(texts or (structured and marked)) and 2 * (texts + structured) >= len(entries)


def _is_setting(entry: Any, convention: Convention) -> bool:
    if image_entries.is_policy(entry):
        return True
    return isinstance(entry, list) and not image_entries.is_list_of_references(entry, convention.image_fields)


def _is_image(entry: Any, convention: Convention) -> bool:
    fields = convention.image_fields
    return bool(image_entries.map_fields(entry, fields)) or image_entries.is_list_of_references(entry, fields)


def check_section(values: Mapping[str, Any]) -> None:
    """Raise `SuiteError` if `images` is a single value, or a list of something else than references."""
    section = values.get("images")
    if section is None or isinstance(section, dict) or image_entries.is_list_of_references(section, ImageFields()):
        return
    raise SuiteError(
        f"values.yaml: `images` is a {'list' if isinstance(section, list) else 'single value'}",
        expected="a mapping of image keys to references",
    )


def declared_images(convention: Convention, values: Values, effective: Mapping[str, Any]) -> tuple[DeclaredImage, ...]:
    """List the images that the `effective` values declare, with lines of the chart's own values.yaml."""
    return tuple(_declared(entry, values) for entry in image_entries.entries(convention, effective))


def _declared(entry: ImageEntry, values: Values) -> DeclaredImage:
    policy = entry.fields.get("pull_policy", "")
    return DeclaredImage(
        key=entry.key,
        reference=entry.reference,
        path=entry.path,
        line=_line(entry, values),
        shape=entry.shape,
        policy_path=f"{entry.path}.{policy}" if policy else "",
    )


def _line(entry: ImageEntry, values: Values) -> int | None:
    """Return the line of an entry, of its list where the list's entries have none, None if values.yaml differs."""
    here: Any = values.content
    for step in entry.steps:
        try:
            here = here[step]
        except (KeyError, IndexError, TypeError):
            return None
    if here != entry.value:
        return None
    whole = entry.path.partition("[")[0]
    return values.lines.get(entry.path, values.lines.get(whole))


def functions(convention: Convention, chart: str, keys: tuple[str, ...]) -> dict[str, str]:
    """Return for each key the standard key whose task it performs, "" for a component's own key."""
    aliases = {filled(alias, {"chart": service_name(chart)}): key for alias, key in convention.aliases.items()}
    return {key: key if key in STANDARD_KEYS else aliases.get(key, "") for key in keys}


def of_flavors(convention: Convention, keys: Mapping[str, str]) -> dict[str, str]:
    """Return of `keys`, as `functions` has them, those for which a flavor has images.

    In a layout with an images section these are its direct entries. The entries of lists and what is beside the section
    keep their references.
    """
    root = convention.images.partition(".")[0]
    if not root:
        return dict(keys)
    return {key: function for key, function in keys.items() if not key.endswith("]") and not key.startswith(f"{root}.")}


def override_patterns(convention: Convention | None, chart: str, others: Sequence[Convention] = ()) -> tuple[str, ...]:
    """Return patterns of the values overrides of `chart`, relative to it; without a convention, those of all.

    `others` as `recognise` has it.
    """
    known = (convention,) if convention else (*shipped().values(), *others)
    return tuple(pattern.replace("{chart}", chart) for each in known for pattern in each.overrides)


def drop_values(convention: Convention, *, enabled: bool) -> dict[str, Any]:
    """Return the values that switch the drop Job on or off, none without a switch."""
    return placed(convention.db_drop, enabled) if convention.db_drop else {}


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


def image_values(
    convention: Convention,
    images: Mapping[str, str],
    policy: str | None = None,
    *,
    values: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the values that set image references by key, and the pull policy.

    `values` are the effective values of the chart: an image that they write as a map is set part by part. A key that
    they do not have becomes a text of the images section.
    """
    entries = image_entries.entries(convention, values or {})
    known = {entry.key for entry in entries}
    further = {key: reference for key, reference in images.items() if key not in known}
    layers = [image_entries.written(entries, images, values or {}), known_part(convention.image_values, values or {})]
    if further and convention.images:
        layers.append(placed(convention.images, further))
    if policy is not None and convention.pull_policy:
        layers.append(placed(convention.pull_policy, policy))
    elif policy is not None:
        layers.append(image_entries.with_policy(entries, policy, values or {}))
    return merged(*layers)


def known_part(wanted: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return of `wanted` what `values` have a place for."""
    found: dict[str, Any] = {}
    for name, entry in wanted.items():
        if name in values:
            inner = values[name]
            if isinstance(entry, dict) and isinstance(inner, dict):
                found[name] = known_part(entry, inner)
            elif not isinstance(entry, dict):
                found[name] = entry
    return found


def service_name(chart: str) -> str:
    """Return the chart's name with underscores, as values call it."""
    return chart.replace("-", "_")


def uses(template: Any, word: str) -> bool:
    """Whether a template of values has the placeholder `{word}`."""
    return bool(filled(template, {word: ""}) != template)


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


def expanded(template: Mapping[str, Any], values: Mapping[str, Any], schemes: Sequence[str]) -> dict[str, Any]:
    """Return a template in which each key with a `*` has become the keys that `values` have there and that match it.

    Only keys whose entry is a mapping with a `scheme` that matches one of `schemes`. In what stands below such a key,
    `{entry}` is the key. What the template has under the key itself goes before what it has under a pattern.
    """
    layers: list[Mapping[str, Any]] = []
    for key, entry in template.items():
        if "*" in str(key):
            names = [name for name in values if fnmatchcase(str(name), key) and _speaks(values[name], schemes)]
            # The patterns come first, so that the key itself is merged over them.
            layers[:0] = [{name: filled(entry, {"entry": name})} for name in names]
        else:
            inner = values.get(key)
            own = inner if isinstance(inner, dict) else {}
            layers.append({key: expanded(entry, own, schemes) if isinstance(entry, dict) else entry})
    return merged(*layers)


def _speaks(entry: Any, schemes: Sequence[str]) -> bool:
    """Whether the `scheme` of an entry, a text or one for each of its users, matches one of `schemes`."""
    scheme = entry.get("scheme") if isinstance(entry, dict) else None
    texts = scheme.values() if isinstance(scheme, dict) else (scheme,)
    return any(fnmatchcase(str(text), pattern) for text in texts if text for pattern in schemes)
