"""Which container registries answer on the network. Nothing is sent: a connection is opened and closed."""

from __future__ import annotations

import queue
import socket
import threading
import urllib.request
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from osh_conformance import reference as grammar

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Seconds for a connection. Registries that answer at all do so in a fraction of it.
_CONNECT = 1.0
_HTTPS = 443
_DOCKER_HUB = "docker.io"
#: The host that serves the images of docker.io.
_DOCKER_HUB_SERVER = "registry-1.docker.io"
#: Nobody can register a name below this domain (RFC 6761). The suite's own images are there.
NOBODY = ".invalid"


@dataclass(slots=True)
class Registries:
    """The registries, as seen from this machine. Asks each host once. Several threads may use it.

    `mirrors` are the mirrors of Docker Hub in Docker's settings. With `proxied`, Docker uses a proxy, so that only a
    pull shows what it can reach.
    """

    mirrors: Sequence[str] = ()
    proxied: bool = False
    _answers: dict[str, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def silence(self, reference: str) -> str:
        """Return why the registry of a reference cannot be reached; "" if it may answer."""
        host = grammar.parse(reference).domain
        if belongs_to_nobody(host):
            return f"{host}: no registry can have a name below {NOBODY}"
        if self._only_a_pull_tells(host):
            return ""
        with self._lock:
            if host not in self._answers:
                self._answers[host] = _connect(host)
            return self._answers[host]

    def ask(self, references: Sequence[str]) -> None:
        """Ask the registries of all references at once, so that several silent hosts take the time of one."""
        hosts = {grammar.parse(reference).domain for reference in references} - self._answers.keys()
        hosts = {host for host in hosts if not belongs_to_nobody(host) and not self._only_a_pull_tells(host)}
        found: dict[str, str] = {}

        def connect(host: str) -> None:
            found[host] = _connect(host)

        threads = [threading.Thread(target=connect, args=(host,), daemon=True) for host in hosts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with self._lock:
            self._answers |= found

    def adopt(self, other: Registries) -> None:
        """Take over what another one found out, so that no host is asked twice."""
        with self._lock:
            self._answers |= other._answers

    def _only_a_pull_tells(self, host: str) -> bool:
        proxied = self.proxied or bool(urllib.request.getproxies().get("https"))
        by_proxy = proxied and not urllib.request.proxy_bypass(host)
        return by_proxy or (host == _DOCKER_HUB and bool(self.mirrors))


def belongs_to_nobody(host: str) -> bool:
    """Whether a host is below the domain in which nobody can register a name."""
    return host.partition(":")[0].endswith(NOBODY)


def _connect(host: str) -> str:
    """Return why a host does not answer, "" if it does."""
    name, _, port = (_DOCKER_HUB_SERVER if host == _DOCKER_HUB else host).partition(":")
    answers: queue.Queue[str] = queue.Queue()

    def attempt() -> None:
        try:
            socket.create_connection((name, int(port or _HTTPS)), timeout=_CONNECT).close()
        except OSError as error:
            answers.put(f"{host}: {error.strerror or error}")
        else:
            answers.put("")

    # Name resolution has no deadline, so a daemon thread does it, and may go on after this function returns.
    threading.Thread(target=attempt, daemon=True).start()
    try:
        return answers.get(timeout=_CONNECT + 0.1)
    except queue.Empty:
        return f"{host}: no answer within {_CONNECT:g} s"
