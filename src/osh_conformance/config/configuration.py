"""The configuration file: `osh-conformance.toml`, or `[tool.osh-conformance]` in pyproject.toml.

A key is the name of an option with `in_file` in `config/options.py`. The command line overrides the
file. Paths are relative to the file. The file nearest to the first PATH applies, none from outside its repository.
"""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any

import msgspec

from osh_conformance.config.options import OPTIONS, Kind, Option
from osh_conformance.errors import SuiteError, UsageError
from osh_conformance.loading.files import read_text
from osh_conformance.loading.suggest import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FILE = "osh-conformance.toml"
_SHARED = "pyproject.toml"
_TABLE = "osh-conformance"
_KEYS: Mapping[str, Option] = {option.name: option for option in OPTIONS if option.in_file}
_TYPES: Mapping[Kind, Any] = {
    Kind.TEXT: str,
    Kind.FILE: str,
    Kind.NAMES: list[str],
    Kind.FILES: list[str],
    Kind.FLAG: bool,
    Kind.SWITCH: bool,
}


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
    if key not in _KEYS:
        raise UsageError(f"{place(file, key)}: no option `{key}`{did_you_mean(key, _KEYS)}", expected=", ".join(_KEYS))
    option = _KEYS[key]
    try:
        msgspec.convert(value, _TYPES[option.kind])
    except msgspec.ValidationError as error:
        raise UsageError(f"{place(file, key)}: {_message(key, error)}") from error
    if option.choices and value not in option.choices:
        problem = f"`{key}`: no value `{value}`{did_you_mean(value, option.choices)}"
        raise UsageError(f"{place(file, key)}: {problem}", expected=" or ".join(option.choices))
    folder = file.resolve().parent
    if option.kind is Kind.FILES:
        return tuple(folder / text for text in value)
    if option.kind is Kind.FILE:
        return folder / value
    if option.name == "convention" and (folder / value).is_file():  # a convention is a name or a file
        return str(folder / value)
    return tuple(value) if option.kind is Kind.NAMES else value


def place(file: Path, key: str) -> str:
    """Return `file:line` of a key, or `file` where the key is not at the start of a line."""
    written = re.compile(rf"""\s*["']?{re.escape(key)}["']?\s*=""")
    for number, line in enumerate(read_text(file).splitlines(), 1):
        if written.match(line):
            return f"{file}:{number}"
    return str(file)


def _message(key: str, error: msgspec.ValidationError) -> str:
    """Return the message of `error` (`Expected ..., got ... - at `$[0]``) with the key in front."""
    text, _, place = str(error).partition(" - at `$")
    return f"`{key}{place.rstrip('`')}`: {text[0].lower()}{text[1:]}"
