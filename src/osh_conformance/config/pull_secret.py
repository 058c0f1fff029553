"""The logins with which the pods of a cell pull: the content of a Secret of type kubernetes.io/dockerconfigjson."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from osh_conformance.errors import SuiteError, UsageError
from osh_conformance.loading.files import read_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_EXPECTED = 'a Docker configuration file with logins, such as {"auths": {"registry.example": {"auth": "..."}}}'
_FIX = "docker --config DIR login HOST, without a credential helper in DIR/config.json; then pass that file"
#: The fields of an entry that are a login. `auth` is `user:password` in base64.
_LOGINS = ("auth", "password", "identitytoken", "registrytoken")
#: Docker Hub's key in such a file, and its host in a reference.
_HUB, _HUB_HOST = "index.docker.io", "docker.io"


@dataclass(frozen=True, slots=True, kw_only=True)
class PullSecret:
    """Logins by registry host, as `auths` of a Docker configuration file has them."""

    auths: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)

    @property
    def content(self) -> str:
        """The text of the Secret's only entry, `.dockerconfigjson`."""
        return json.dumps({"auths": self.auths})

    @property
    def secrets(self) -> tuple[str, ...]:
        """The texts in it that no output may contain."""
        return tuple(dict.fromkeys(text for entry in self.auths.values() for text in _secrets(entry)))

    def covers(self, host: str) -> bool:
        """Whether it has a login for the registry host of a reference."""
        return any(fnmatchcase(host, _host(key)) for key in self.auths)

    def with_login(self, host: str, authorization: str) -> PullSecret:
        """Return the logins with one more; `authorization` is `user:password` in base64."""
        return replace(self, auths={**self.auths, host: {"auth": authorization}})


def read(file: Path, named_by: str = "") -> PullSecret:
    """Read a Docker configuration file, which the option or the line `named_by` names.

    Raises `UsageError`, without any of its content, for one without logins.
    """
    try:
        content = json.loads(read_text(file))
    except SuiteError as error:
        raise UsageError(f"{named_by} {error.message}".lstrip(), expected=_EXPECTED) from None
    except ValueError:
        raise UsageError(f"{named_by} {file}: is not JSON".lstrip(), expected=_EXPECTED) from None
    auths = content.get("auths") if isinstance(content, dict) else None
    entries = auths.items() if isinstance(auths, dict) else ()
    logins = {str(host): entry for host, entry in entries if isinstance(entry, dict) and any(_secrets(entry))}
    if not logins:
        raise UsageError(
            f"{named_by} {file}: no login in its `auths`{_elsewhere(content)}".lstrip(), expected=_EXPECTED, fix=_FIX
        )
    return PullSecret(auths=logins)


def _elsewhere(content: Any) -> str:
    """Say that a program keeps the logins, if the file says so."""
    known = isinstance(content, dict) and (content.get("credsStore") or content.get("credHelpers"))
    return "; a credential helper keeps them" if known else ""


def _secrets(entry: Mapping[str, Any]) -> Iterator[str]:
    for name in _LOGINS:
        if isinstance(text := entry.get(name), str) and text:
            yield text
            if name == "auth":
                yield from filter(None, [_password(text)])


def _password(auth: str) -> str:
    try:
        return base64.b64decode(auth, validate=True).decode().partition(":")[2]
    except (binascii.Error, ValueError):
        return ""


def _host(key: str) -> str:
    """Return the host of an entry; its key may have a scheme and a path."""
    host = key.rpartition("://")[2].partition("/")[0]
    return _HUB_HOST if host == _HUB else host
