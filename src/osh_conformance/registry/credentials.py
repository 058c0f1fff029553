"""The logins of the user's Docker configuration, read as the `docker` program reads them."""

from __future__ import annotations

import base64
import binascii
import json
import os
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from osh_conformance import process
from osh_conformance.errors import SuiteError
from osh_conformance.provision.registries import DOCKER_HUB, DOCKER_IO
from osh_conformance.registry.answers import DOCKER_HUB_LOGIN

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: Seconds for a credential helper.
_HELPER = 10.0
_NOT_FOUND = "credentials not found"
#: The user name with which a credential helper returns an identity token.
_TOKEN_USER = "<token>"  # noqa: S105 - a name, no secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """A login for one registry: a name and a password, or an identity token, or a bearer token. All empty: none."""

    username: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    registry_token: str = field(default="", repr=False)
    #: Why there is none, if a credential helper failed.
    problem: str = ""

    def __bool__(self) -> bool:
        return bool(self.username or self.identity_token or self.registry_token)

    @property
    def basic(self) -> str:
        """The value of an Authorization header; empty without a name and a password."""
        if not self.username:
            return ""
        return "Basic " + base64.b64encode(f"{self.username}:{self.password}".encode()).decode()


@dataclass(slots=True)
class Keyring:
    """The logins of a user. Reads each once, and only once a registry asks for a login; for several threads."""

    _found: dict[str, Credentials] = field(default_factory=dict, init=False, repr=False)
    _locks: dict[str, threading.Lock] = field(default_factory=dict, init=False, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def of(self, host: str) -> Credentials:
        """Return the login for a registry; raises `SuiteError` for a broken configuration."""
        with self._lock:
            lock = self._locks.setdefault(host, threading.Lock())
        with lock:
            if host not in self._found:
                self._found[host] = read(host)
            return self._found[host]


def config_file() -> Path:
    """Return the path of the user's Docker configuration."""
    folder = os.environ.get("DOCKER_CONFIG")
    return (Path(folder) if folder else Path.home() / ".docker") / "config.json"


def read(host: str) -> Credentials:
    """Return the login for a registry, an empty one if there is none; raises `SuiteError` for a broken configuration.

    As with `docker pull`, a credential helper that fails is no error: most images need no login.
    """
    path = config_file()
    content = _content(path)
    keys = _keys(host)
    helpers, auths = (_section(path, content, name) for name in ("credHelpers", "auths"))
    helper = _entry(helpers, keys) or content.get("credsStore")
    if helper:
        return _ask(str(helper), keys[0])
    entry = _entry(auths, keys) or {}
    if not isinstance(entry, dict):
        raise _broken(path, f"`auths` has {entry!r} for {host}", "an object for each registry")
    return _decoded(path, host, entry)


def _keys(host: str) -> tuple[str, ...]:
    """Return the keys under which the login for a host may stand, that of Docker first."""
    if host in (DOCKER_HUB, DOCKER_IO):
        return (DOCKER_HUB_LOGIN, "index.docker.io", DOCKER_IO, DOCKER_HUB)
    return (host,)


def _entry(section: Mapping[str, Any], keys: Iterable[str]) -> Any:
    plain = {_host_of(key): value for key, value in section.items()}
    return next((found[key] for key in keys for found in (section, plain) if key in found), None)


def _host_of(key: str) -> str:
    return key.removeprefix("https://").removeprefix("http://").partition("/")[0]


def _content(path: Path) -> Mapping[str, Any]:
    try:
        text = path.read_text()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise _broken(path, f"it cannot be read: {error}", "a readable file of JSON") from error
    try:
        content = json.loads(text or "{}")
    except ValueError as error:
        raise _broken(path, f"it is no JSON: {error}", "a file that `docker login` wrote") from error
    if not isinstance(content, dict):
        raise _broken(path, f"it has {type(content).__name__} at its top", "an object")
    return content


def _section(path: Path, content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = content.get(name) or {}
    if not isinstance(section, dict):
        raise _broken(path, f"`{name}` is {type(section).__name__}", "an object with a key for each registry")
    return section


def _decoded(path: Path, host: str, entry: Mapping[str, Any]) -> Credentials:
    username, password = str(entry.get("username") or ""), str(entry.get("password") or "")
    if entry.get("auth"):
        try:
            text = base64.b64decode(str(entry["auth"]), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError) as error:
            raise _broken(path, f"`auth` of {host} is no base64", "base64 of NAME:PASSWORD") from error
        username, colon, password = text.partition(":")
        if not colon:
            raise _broken(path, f"`auth` of {host} has no colon", "base64 of NAME:PASSWORD")
    return Credentials(
        username=username,
        password=password.strip("\0"),
        identity_token=str(entry.get("identitytoken") or ""),
        registry_token=str(entry.get("registrytoken") or ""),
    )


def _broken(path: Path, found: str, expected: str) -> SuiteError:
    return SuiteError(
        f"{path}, the user's Docker configuration, is broken: {found}",
        expected=expected,
        fix="correct the file; or remove it and run `docker login` again; or set DOCKER_CONFIG to another folder",
    )


def _ask(helper: str, server: str) -> Credentials:
    """Ask a credential helper."""
    program = f"docker-credential-{helper}"
    command = process.Command(argv=[program, "get"], stdin=server)
    try:
        outcome = process.run(command, deadline=_HELPER, check=False)
    except process.DeadlineError:
        return Credentials(problem=f"`{program}` did not answer within {_HELPER:g} s")
    except (SuiteError, OSError) as error:
        return Credentials(problem=f"`{program}`: {error}")
    if not outcome.ok:
        missing = _NOT_FOUND in outcome.stdout + outcome.stderr
        return Credentials(problem="" if missing else f"`{program}` failed: {outcome.tail or outcome.code}")
    return _helped(program, outcome.stdout)


def _helped(program: str, output: str) -> Credentials:
    try:
        answer = json.loads(output)
        username, secret = str(answer["Username"]), str(answer["Secret"])
    except (ValueError, TypeError, KeyError):
        # Its output is not shown: it may have the secret in it.
        return Credentials(problem=f"`{program}` printed no JSON with Username and Secret")
    if username == _TOKEN_USER:
        return Credentials(identity_token=secret)
    return Credentials(username=username, password=secret)
