"""The configuration file: `osh-conformance.toml`, or `[tool.osh-conformance]` in pyproject.toml.

A key is the name of an option with `in_file` in `config/options.py`, or one of the tables of this module. The command
line overrides the file. Paths are relative to the file. The file nearest to the first PATH applies, none from outside
its repository.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from osh_conformance.config import path_patterns
from osh_conformance.config.levels import Level, RuleLevel
from osh_conformance.config.options import OPTIONS, Kind, Option
from osh_conformance.config.selection import ids_of
from osh_conformance.errors import SuiteError, UsageError
from osh_conformance.loading.files import STANDARD_OUTPUT, read_text
from osh_conformance.loading.suggest import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FILE = "osh-conformance.toml"
_SHARED = "pyproject.toml"
_TABLE = "osh-conformance"
#: The key with the levels of rules, and the one with the files that a run writes.
SEVERITY, OUTPUTS = "severity", "outputs"
OPTION_KEYS: Mapping[str, Option] = {option.name: option for option in OPTIONS if option.in_file}
_KEYS = (*OPTION_KEYS, SEVERITY, OUTPUTS)
_TYPES: Mapping[Kind, Any] = {
    Kind.TEXT: str,
    Kind.FILE: str,
    Kind.NAMES: str | list[str],
    Kind.FILES: str | list[str],
    Kind.PATTERNS: str | list[str],
    Kind.FLAG: bool,
    Kind.SWITCH: bool,
}
_ANYWHERE = "*"
#: Keys of which `check` takes one value, and `live` several.
AS_LISTS = {"flavor": Kind.NAMES, "flavor-file": Kind.FILES}


def nearest(path: Path) -> Path | None:
    """Return the file nearest to `path`, going upwards, None if there is none. Raises `UsageError` for a wrong file."""
    here = path.resolve()
    for folder in (here, *here.parents):
        own, shared = folder / FILE, folder / _SHARED
        try:
            if own.is_file():
                return own
            if shared.is_file() and _table(shared) is not None:
                return shared
            if (folder / ".git").exists():
                break
        except OSError:  # a folder that this user may not read: whoever needs a file of it says so
            continue
    return None


def read(file: Path) -> Mapping[str, Any]:
    """Read one file: values by option name, as the command line would give them.

    Raises `UsageError` that names the file and, for a wrong key or value, the line.
    """
    if not file.is_file():
        raise UsageError(f"the configuration file {file} does not exist")
    table = _table(file)
    if table is None:
        raise UsageError(f"{file}: no table [tool.{_TABLE}]")
    return {key: _value(file, key, value) for key, value in table.items()}


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


def _value(file: Path, key: str, value: Any) -> Any:
    """Return the value of one key as the command line would give it: paths are absolute."""
    if key == SEVERITY:
        return tuple(_levels(file, _table_of(file, key, value)))
    if key == OUTPUTS:
        folder = file.resolve().parent
        table = _table_of(file, key, value)
        files = {name: Path(_text(file, f"{key}.{name}", path)) for name, path in table.items()}
        return {name: path if path == STANDARD_OUTPUT else folder / path for name, path in files.items()}
    if key not in OPTION_KEYS:
        raise UsageError(f"{place(file, key)}: no option `{key}`{did_you_mean(key, _KEYS)}", expected=", ".join(_KEYS))
    option = OPTION_KEYS[key]
    kind = AS_LISTS.get(key, option.kind)
    _check(file, key, value, _TYPES[kind])
    if option.choices and value not in option.choices:
        problem = f"`{key}`: no value `{value}`{did_you_mean(value, option.choices)}"
        raise UsageError(f"{place(file, key)}: {problem}", expected=" or ".join(option.choices))
    return _converted(file.resolve().parent, option, kind, value)


def _converted(folder: Path, option: Option, kind: Kind, value: Any) -> Any:
    if kind in (Kind.NAMES, Kind.FILES, Kind.PATTERNS):
        texts = (value,) if isinstance(value, str) else tuple(value)
        if kind is Kind.PATTERNS:
            return tuple(path_patterns.absolute(folder, text) for text in texts)
        return tuple(folder / text for text in texts) if kind is Kind.FILES else texts
    if kind is Kind.FILE:
        return folder / value
    if option.name == "convention" and (folder / value).is_file():  # a convention is a name or a file
        return str(folder / value)
    return value


def _table_of(file: Path, key: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UsageError(f"{place(file, key)}: `{key}`: expected a table, got `{type(value).__name__}`")
    return value


def _text(file: Path, key: str, value: Any) -> str:
    _check(file, key, value, str)
    return str(value)


def _check(file: Path, key: str, value: Any, kind: Any) -> None:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise UsageError(f"{place(file, key.rpartition('.')[2])}: {_message(key, error)}") from error


def _levels(file: Path, table: Mapping[str, Any]) -> Iterator[RuleLevel]:
    """Yield the levels of rules: families before ids, and of one entry those without a path first."""
    for name, value in sorted(table.items(), key=lambda item: "-" in item[0]):
        where, key = place(file, name), f"{SEVERITY}.{name}"
        rules = ids_of([name], where)
        paths = value if isinstance(value, dict) else {_ANYWHERE: value}
        for pattern, level in sorted(paths.items(), key=lambda item: item[0] != _ANYWHERE):
            if level not in list(Level):
                problem = f"`{key}`: no level `{level}`{did_you_mean(str(level), Level)}"
                raise UsageError(f"{where}: {problem}", expected=" or ".join(Level))
            path = "" if pattern == _ANYWHERE else path_patterns.absolute(file.resolve().parent, pattern)
            yield RuleLevel(rules=rules, level=Level(level), path=path)


def place(file: Path, key: str) -> str:
    """Return `file:line` of a key, or `file` where the key is not at the start of a line."""
    written = re.compile(rf"""\s*(["']?{re.escape(key)}["']?\s*=|\[([\w.-]+\.)?{re.escape(key)}\])""")
    for number, line in enumerate(read_text(file).splitlines(), 1):
        if written.match(line):
            return f"{file}:{number}"
    return str(file)


def _message(key: str, error: msgspec.ValidationError) -> str:
    """Return the message of `error` (`Expected ..., got ... - at `$[0]``) with the key in front."""
    text, _, place = str(error).partition(" - at `$")
    return f"`{key}{place.rstrip('`')}`: {text[0].lower()}{text[1:]}"
