"""The access log of the suite's registry, as records."""

from __future__ import annotations

import datetime as dt
import re
import urllib.parse
from dataclasses import dataclass
from typing import TYPE_CHECKING

from osh_conformance.registry.client import AGENT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


#: Who asks the registry for us: the suite itself, and the engine that pushes.
_OWN_AGENTS = (AGENT, "docker/")


_ACCESS = re.compile(
    r'^(?P<time>\S+Z) (?P<client>\S+) \S+ \S+ \[[^]]+\] "(?P<method>[A-Z]+) (?P<target>\S+) [^"]*" '
    r'(?P<status>\d{3}) (?P<size>\d+|-) "[^"]*" "(?P<agent>[^"]*)"'
)


_TARGET = re.compile(r"^/v2/run/[^/]+/(?P<host>[^/]+)/(?P<path>.+)/(?P<kind>manifests|blobs)/(?P<reference>[^/]+)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryRequest:
    """One request of a node.

    `repository` begins with the host, as in an image reference; `kind` is manifests or blobs, `size` the bytes of the
    answer.
    """

    time: dt.datetime
    client: str
    method: str
    repository: str
    kind: str
    reference: str
    status: int
    agent: str
    size: int = 0


def parse_log(lines: Iterable[str]) -> Iterator[RegistryRequest]:
    """The requests of nodes for manifests and blobs, from the log of `docker logs --timestamps`."""
    for line in lines:
        match = _ACCESS.match(line)
        if match is None or match["agent"].startswith(_OWN_AGENTS):
            continue
        url = urllib.parse.urlsplit(match["target"])
        target = _TARGET.match(urllib.parse.unquote(url.path))
        if target is None:
            continue
        # containerd says which host it means, also where that host has no repositories of its own here.
        meant = urllib.parse.parse_qs(url.query).get("ns", [target["host"]])[0]
        yield RegistryRequest(
            time=_time(match["time"]),
            client=match["client"],
            method=match["method"],
            repository=f"{meant}/{target['path']}",
            kind=target["kind"],
            reference=target["reference"],
            status=int(match["status"]),
            agent=match["agent"],
            size=int(match["size"]) if match["size"].isdecimal() and match["method"] == "GET" else 0,
        )


def _time(text: str) -> dt.datetime:
    seconds, _, fraction = text.rstrip("Z").partition(".")
    return dt.datetime.fromisoformat(f"{seconds}.{fraction[:6]:0<6}+00:00")
