"""The configuration file: `osh-conformance.toml`, or `[tool.osh-conformance]` in pyproject.toml.

A key is an option of the command line without its dashes; what the command line says wins. Paths are relative to the
file. The file nearest to the first PATH applies, none from outside its repository.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import msgspec

from osh_conformance.config.options import CheckOptions, read_overrides
from osh_conformance.errors import SuiteError, UsageError
from osh_conformance.loading.files import read_text
from osh_conformance.loading.suggest import did_you_mean

FILE = "osh-conformance.toml"
_SHARED = "pyproject.toml"
_TABLE = "osh-conformance"


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """What a file sets; None and empty where it is silent. The texts of files are paths, absolute once read."""

    rule: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    convention: str | None = None
    catalog: str | None = None
    renderer: str | None = None
    deviations: tuple[str, ...] = ()
    strict: bool = False


_KEYS = tuple(field.name for field in fields(Configuration))


def found_for(path: Path) -> Configuration:
    """Return what the file nearest to `path` sets, going upwards; nothing if there is none.

    Raises `UsageError` for one that is wrong.
    """
    here = path.resolve()
    for folder in (here, *here.parents):
        own = folder / FILE
        if own.is_file():
            return read(own)
        shared = folder / _SHARED
        if shared.is_file() and _table(shared) is not None:
            return read(shared)
        if (folder / ".git").exists():
            break
    return Configuration()


def read(file: Path) -> Configuration:
    """Read one file; raises `UsageError` that says what is wrong with it."""
    if not file.is_file():
        raise UsageError(f"the configuration {file} does not exist")
    table = _table(file)
    if table is None:
        raise UsageError(f"{file}: no table [tool.{_TABLE}]")
    for key in table:
        if key not in _KEYS:
            raise UsageError(f"{file}: no option `{key}`{did_you_mean(key, _KEYS)}", expected=", ".join(_KEYS))
    try:
        given = msgspec.convert(table, Configuration)
    except msgspec.ValidationError as error:
        raise UsageError(f"{file}: {_said(error)}") from error
    return _with_paths(given, file.resolve().parent)


def static_request(
    paths: tuple[Path, ...], settings: Configuration, *, helm: Path | None = None, options: tuple[str, ...] = ()
) -> CheckOptions:
    """Return what `settings` ask of a static run on `paths`; raises `UsageError` for values that cannot be read."""
    return CheckOptions(
        paths=paths,
        select=settings.rule,
        values=read_overrides(Path(file) for file in settings.values),
        strict=settings.strict,
        renderer=settings.renderer,
        helm_program=helm,
        convention=settings.convention,
        catalog=Path(settings.catalog) if settings.catalog else None,
        repeated=options,
    )


def _table(file: Path) -> dict[str, Any] | None:
    try:
        content = tomllib.loads(read_text(file))
    except SuiteError as error:
        raise UsageError(error.message) from error
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{file}: does not parse: {error}", expected="valid TOML") from error
    if file.name != _SHARED:
        return content
    tools = content.get("tool")
    table = tools.get(_TABLE) if isinstance(tools, dict) else None
    return table if isinstance(table, dict) else None


def _with_paths(given: Configuration, folder: Path) -> Configuration:
    def absolute(text: str) -> str:
        return str(folder / text)

    convention = given.convention
    return replace(
        given,
        values=tuple(map(absolute, given.values)),
        deviations=tuple(map(absolute, given.deviations)),
        catalog=absolute(given.catalog) if given.catalog else None,
        # A convention is a name or a file.
        convention=absolute(convention) if convention and (folder / convention).is_file() else convention,
    )


def _said(error: msgspec.ValidationError) -> str:
    """`Expected ..., got ... - at `$.x[0]`` with the place in front."""
    text, _, place = str(error).partition(" - at `$.")
    return f"`{place.rstrip('`')}`: {text[0].lower()}{text[1:]}" if place else text
