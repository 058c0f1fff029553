"""The registries' log, and what must hold of it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from ci.world.publishing import HostSpec

#: Names of ours. The second one stood on Docker Hub once, where anybody could have registered it.
_OURS = re.compile(r"osh-?conformance")
_REALM = re.compile(r'realm="https://([^/"]+)')
#: Names that are made up, so that a registry of that name can only be a mistake.
_TRAPS = frozenset({"corp"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A request, a question for a name, or a connection through the proxy."""

    kind: str
    host: str
    method: str = ""
    path: str = ""
    scope: str = ""
    status: int = 0
    auth: str = ""
    challenge: str = ""
    agent: str = ""

    def __str__(self) -> str:
        words = (self.method, self.host + self.path, self.scope, str(self.status or ""), self.auth, self.agent)
        return " ".join((self.kind, *(word for word in words if word)))


def read(file: Path, offset: int = 0) -> tuple[Entry, ...]:
    """Return the entries after `offset` bytes."""
    with file.open("rb") as stream:
        stream.seek(offset)
        return tuple(_entry(json.loads(line)) for line in stream.read().splitlines())


def _entry(document: Mapping[str, Any]) -> Entry:
    return Entry(**{name: document[name] for name in Entry.__slots__ if name in document})


def asks_for_ours(entries: Iterable[Entry]) -> list[str]:
    """Return the requests for names of ours: they are published nowhere, so nobody must be asked for them."""
    found = []
    for entry in entries:
        asked = entry.kind == "http" and _OURS.search(entry.path + entry.scope)
        sought = entry.kind in ("dns", "proxy") and re.search(r"osh-?conformance\.invalid\b", entry.host)
        if asked or sought:
            found.append(f"a public registry was asked for a name of ours: {entry}")
    return found


def stray_credentials(entries: Sequence[Entry], hosts: Sequence[HostSpec]) -> list[str]:
    """Return the requests that carried a password or a token to a host that had not asked for one.

    A host asks by a challenge of its own, or is the token service that a challenge of another host names.
    """
    asking: set[str] = set()
    found = []
    for entry in entries:
        carries = entry.kind == "http" and entry.auth in ("Basic", "Bearer", "form")
        if carries and entry.host not in asking and not _is_a_nodes(entry, asking):
            found.append(f"a credential went to a host that had not asked for one: {entry}")
        if entry.host in _TRAPS:
            found.append(f"a name was sought that a library makes of a realm: {entry}")
        if entry.challenge:
            realm = _REALM.match(entry.challenge.partition(" ")[2])
            asking |= {entry.host, *(realm.groups() if realm else ())}
    known = {host.name for host in hosts}
    return found + [f"an unknown host was asked: {e}" for e in entries if e.kind == "http" and e.host not in known]


def _is_a_nodes(entry: Entry, asking: Iterable[str]) -> bool:
    """Whether containerd, on a node of the user's cluster, followed a redirect to a host below the one that asked.

    Go's HTTP client keeps the header then. Nothing of ours takes part in it.
    """
    below = any(entry.host.endswith(f".{host}") for host in asking)
    return below and entry.auth == "Bearer" and entry.agent.startswith("containerd/")


def asked(entries: Iterable[Entry], reference: str) -> list[Entry]:
    """Return the requests for manifests of `HOST/NAME` or `HOST`; for `proxy`, what the proxy was asked for."""
    if reference == "proxy":
        return [entry for entry in entries if entry.kind == "proxy"]
    host, _, name = reference.partition("/")
    path = f"/v2/{name}/manifests/" if name else "/"
    return [entry for entry in entries if entry.kind == "http" and entry.host == host and entry.path.startswith(path)]
