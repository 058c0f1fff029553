"""The databases that a Job creates or drops, derived from its inputs, never from the name of a Job or chart."""

from __future__ import annotations

import ast
import configparser
import posixpath
import re
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from osh_conformance.manifests.commands import files
from osh_conformance.manifests.mounts import Place, file_at
from osh_conformance.manifests.programs import is_python
from osh_conformance.manifests.scripts import shebang
from osh_conformance.manifests.variables import variables
from osh_conformance.manifests.vocabulary import words
from osh_conformance.rules.shared.database_lists import entries
from osh_conformance.rules.shared.sql import in_sql, texts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from osh_conformance.manifests.pods import Pod
    from osh_conformance.manifests.variables import Variable
    from osh_conformance.rules.shared.database_lists import Entry

_URL: Final = re.compile(r"[\w.+-]+://(?P<user>[^:/@]*)(?::.*)?@(?P<host>[^/@]*)/(?P<database>[^?#]*)", re.DOTALL)

_MORE: Final = re.compile(r"[A-Z0-9_]+_(?:DB|DATABASE)_NAME|(?:DB|DATABASE)_NAME_[A-Z0-9_]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """A database as an input names it. `origin` is the input; `identity` is host, name and user, if they render.

    Two equal inputs mean one database; two different ones may still mean one. `absent`: the input leads to a file of
    the release that does not contain it.
    """

    origin: tuple[str, ...]
    identity: tuple[str, ...] | None = None
    absent: bool = False

    def same(self, other: Database) -> bool | None:
        """Whether both are one database; None if that cannot be known."""
        if self.origin == other.origin:
            return True
        if self.absent or other.absent:
            return False
        if self.identity is None or other.identity is None:
            return None
        if any(one != two for one, two in zip(self.identity[1:], other.identity[1:], strict=True) if one and two):
            return False
        # One server has many names: the short and the long one of its Service, with a port and without.
        hosts = {re.split(r"[.:]", identity[0])[0] for identity in (self.identity, other.identity) if identity[0]}
        return True if len(hosts) < 2 else None  # noqa: PLR2004

    def __str__(self) -> str:
        if self.absent:
            _, kind, name, file, section, key = self.origin
            return f"[{section}] {key} of {kind}/{name} {file} (which has no such entry)"
        if self.identity is None:
            return " ".join(self.origin)
        host, database, user = self.identity
        return f"{database}{f' on {host}' if host else ''}{f' for {user}' if user else ''}"


def databases(pod: Pod, entry: Mapping[str, Any], *, creates: bool) -> frozenset[Database]:
    """Return the databases that a container creates or drops, by its inputs; empty if they cannot be derived."""
    known = variables(entry, pod.objects)
    inputs = _from_ini(pod, entry, known) or _from_connection(known) or _from_names(pod, entry, known)
    if inputs:
        inputs |= _from_more_names(known)
    named, complete = in_sql(texts(pod, entry), known, "CREATE" if creates else "DROP")
    stated = frozenset(Database(origin=("sql", name), identity=("", name, "")) for name in named)
    if stated and complete:
        return stated
    return (inputs | stated) if inputs else frozenset(_from_scripts(pod, entry))


def _first(known: Mapping[str, Variable], names: list[str]) -> Variable | None:
    return next((known[name] for name in names if name in known), None)


def _from_ini(pod: Pod, entry: Mapping[str, Any], known: Mapping[str, Variable]) -> frozenset[Database]:
    """Derive a database from the file, section and key in variables."""
    names = words("databases")["ini"]
    path, section, key = (getattr(_first(known, names[part]), "value", None) for part in ("file", "section", "key"))
    if not path or not section or not key:
        return frozenset()
    found = _in_ini(pod, entry, path, section, key)
    return frozenset({found}) if found else frozenset()


def _in_ini(pod: Pod, entry: Mapping[str, Any], path: str, section: str, key: str) -> Database | None:
    file = file_at(pod, entry, path)
    if file.place not in (Place.PRESENT, Place.EXTERNAL):
        return None
    origin = ("ini", file.kind, file.name, file.key, section, key)
    if file.text is None:
        return Database(origin=origin)
    option = _option(file.text, section, key)
    return Database(origin=origin, identity=_of_url(option or ""), absent=option is None)


def _option(text: str, section: str, key: str) -> str | None:
    """Return an option: None if the file does not have it, "" if the file does not parse."""
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True)
    try:
        parser.read_string(text)
        return str(parser.get(section, key) or "")
    except (configparser.NoSectionError, configparser.NoOptionError):
        return None
    except configparser.Error:
        return ""


def _from_connection(known: Mapping[str, Variable]) -> frozenset[Database]:
    variable = _first(known, words("databases")["connections"])
    if variable is None:
        return frozenset()
    if variable.source is not None:
        origin: tuple[str, ...] = ("connection", variable.source.kind, variable.source.name, variable.source.key)
    elif variable.value:
        origin = ("connection", variable.value)
    else:
        return frozenset()
    return frozenset({Database(origin=origin, identity=_of_url(variable.value or ""))})


def _from_names(pod: Pod, entry: Mapping[str, Any], known: Mapping[str, Variable]) -> frozenset[Database]:
    names = _first(known, words("databases")["names"])
    if names is None:
        return frozenset()
    if names.value is None:
        if names.source is None:
            return frozenset()
        return frozenset({Database(origin=("names", names.source.kind, names.source.name, names.source.key))})
    others = [_first(known, words("databases")[part]) for part in ("hosts", "users")]
    host, user = (variable.value or "" if variable else "" for variable in others)
    listed = entries(names.value)
    if listed is None:
        return frozenset({Database(origin=("names", names.value, host, user))})
    return frozenset(found for each in listed if (found := _of_entry(pod, entry, each, host, user)))


def _from_more_names(known: Mapping[str, Variable]) -> frozenset[Database]:
    """Return the databases in variables such as `CELL0_DB_NAME`, beside those that tell the Job of the first."""
    others = words("databases")["not_names"]
    values = (
        variable.value
        for name, variable in known.items()
        if _MORE.fullmatch(name) and not set(name.split("_")) & set(others)
    )
    return frozenset(
        Database(origin=("name", "", value, ""), identity=("", value, ""))
        for value in values
        if value and re.fullmatch(r"[\w-]+", value)
    )


def _of_entry(pod: Pod, entry: Mapping[str, Any], listed: Entry, host: str, user: str) -> Database | None:
    if "file" in listed and "section" in listed and "key" in listed:
        return _in_ini(pod, entry, listed["file"], listed["section"], listed["key"])
    identity = (listed.get("host", host), listed["name"], listed.get("user", user))
    return Database(origin=("name", *identity), identity=identity)


def _of_url(url: str) -> tuple[str, ...] | None:
    match = _URL.match(url.strip())
    return (match["host"], match["database"], match["user"]) if match and match["database"] else None


def _from_scripts(pod: Pod, entry: Mapping[str, Any]) -> Iterator[Database]:
    """Yield the databases in the ini files that a Python script reads, by section and key."""
    for path in files(entry):
        file = file_at(pod, entry, path)
        if file.place is not Place.PRESENT or not file.text:
            continue
        if is_python(shebang(file.text)) or posixpath.splitext(path)[1] == ".py":
            yield from _from_python(pod, entry, file.text)


def _from_python(pod: Pod, entry: Mapping[str, Any], text: str) -> Iterator[Database]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError, RecursionError):
            return
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
    read = {found[0] for call in calls if _method(call) == "read" and (found := _constants(call)) and len(found) == 1}
    for call in calls:
        found = _constants(call)
        if _method(call) == "get" and len(found) == 2 and len(read) == 1:  # noqa: PLR2004  (section and key)
            database = _in_ini(pod, entry, next(iter(read)), *found)
            if database and database.identity:
                yield database


def _method(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


def _constants(call: ast.Call) -> list[str]:
    """Return the arguments of a call if all of them are literal texts."""
    found = [node.value for node in call.args if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return found if len(found) == len(call.args) else []
