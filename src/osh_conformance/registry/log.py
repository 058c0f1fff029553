"""The access log of the run's registry, as records."""

from __future__ import annotations

import re
import urllib.parse
from dataclasses import dataclass
from typing import TYPE_CHECKING

from osh_conformance.registry.client import AGENT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: The user agents of the suite itself, and of Docker, which pushes for it.
_OWN_AGENTS = (AGENT, "docker/")
_ACCESS = re.compile(
    r'^\S+Z \S+ \S+ \S+ \[[^]]+\] "(?P<method>[A-Z]+) (?P<target>\S+) [^"]*" '
    r'(?P<status>\d{3}) (?P<size>\d+|-) "[^"]*" "(?P<agent>[^"]*)"'
)
_TARGET = re.compile(r"^/v2/run/[^/]+/(?P<host>[^/]+)/(?P<path>.+)/(?P<kind>manifests|blobs)/(?P<reference>[^/]+)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryRequest:
    """One request of a node.

    `repository` starts with the host, as in an image reference; `kind` is manifests or blobs, `size` the bytes of the
    response.
    """

    method: str
    repository: str
    kind: str
    reference: str
    status: int
    size: int = 0


def parse_log(lines: Iterable[str]) -> Iterator[RegistryRequest]:
    """Yield the nodes' requests for manifests and blobs, from the output of `docker logs --timestamps`."""
    for line in lines:
        match = _ACCESS.match(line)
        if match is None or match["agent"].startswith(_OWN_AGENTS):
            continue
        url = urllib.parse.urlsplit(match["target"])
        target = _TARGET.match(urllib.parse.unquote(url.path))
        if target is None:
            continue
        # containerd names the host of the reference, also one for which this registry has no repositories.
        host = urllib.parse.parse_qs(url.query).get("ns", [target["host"]])[0]
        yield RegistryRequest(
            method=match["method"],
            repository=f"{host}/{target['path']}",
            kind=target["kind"],
            reference=target["reference"],
            status=int(match["status"]),
            size=int(match["size"]) if match["size"].isdecimal() and match["method"] == "GET" else 0,
        )
