"""Proxies of this machine's network: what a cluster must not ask them for."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY")
_EXCEPTIONS = "NO_PROXY"
#: Names that only a cluster's own name server knows.
_SERVICES = (".svc", ".cluster.local")
#: Go's programs never ask a proxy for these; Python's do, unless they are listed.
LOOPBACK = ("localhost", "127.0.0.1", "::1")


def node_proxies(cluster: str, environment: Mapping[str, str], containers: Mapping[str, str]) -> dict[str, str]:
    """Return the proxy variables for kind, which gives its own to the nodes; none if there is no proxy.

    Proxies come from the environment, or else from `containers`, what Docker is configured to give containers. No node
    asks them for the run's registry, the nodes of its cluster or Services: only Docker's network knows those names.
    """
    found = {
        name: value
        for name in _PROXIES
        if (value := environment.get(name) or environment.get(name.lower()) or containers.get(name))
    }
    if not found:
        return {}
    users = (environment.get(_EXCEPTIONS), environment.get(_EXCEPTIONS.lower()), containers.get(_EXCEPTIONS))
    ours = (f"{cluster}-registry", f"{cluster}-control-plane", *_SERVICES)
    # Programs differ in the spelling that they read.
    return both_spellings({**found, _EXCEPTIONS: exceptions(*users, ",".join(ours))})


def local_exceptions(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables with which programs of any language ask no proxy for what listens on this machine."""
    users = (environment.get(_EXCEPTIONS), environment.get(_EXCEPTIONS.lower()))
    return both_spellings({_EXCEPTIONS: exceptions(*users, ",".join(LOOPBACK))})


def exceptions(*lists: str | None) -> str:
    """Return one list of what no proxy is asked for, without repetition, in the order of these lists."""
    return ",".join(dict.fromkeys(entry for text in lists for entry in _entries(text or "")))


def both_spellings(variables: Mapping[str, str]) -> dict[str, str]:
    """Return these variables with their lower case names too."""
    return {**variables, **{name.lower(): value for name, value in variables.items()}}


def is_loopback(url: str) -> bool:
    """Whether the host of a URL is this machine's loopback interface."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _entries(text: str) -> Iterable[str]:
    return (entry.strip() for entry in text.split(",") if entry.strip())
