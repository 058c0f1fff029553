"""Which container registries answer on the network. Nothing is sent: a connection is opened and closed."""

from __future__ import annotations

import queue
import socket
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]  # it is public, and typeshed lacks it

from osh_conformance import reference as grammar

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

#: Seconds for a connection where nobody should wait. Registries that answer at all mostly do so in a part of it.
QUICK = 1.0
#: Seconds for a connection before a stand-in is built, or a run refused.
PATIENT = 10.0
_HTTPS = 443
#: The host in references of Docker Hub.
DOCKER_IO = "docker.io"
#: The host that serves the images of docker.io.
DOCKER_HUB = "registry-1.docker.io"
#: Nobody can register a name below this domain (RFC 6761). The suite's own images are there.
NOBODY = ".invalid"


@dataclass(slots=True)
class Registries:
    """The registries, as this machine's Docker sees them. Asks each host once. Several threads may use it.

    - mirrors: the mirrors of Docker Hub in Docker's settings.
    - proxy, no_proxy: the proxy that Docker itself pulls through, and the hosts that it asks without.
    - insecure: the hosts that Docker asks without trust, or in plain HTTP.
    - patience: seconds to wait for a connection.
    """

    mirrors: Sequence[str] = ()
    proxy: str = ""
    no_proxy: str = ""
    insecure: Collection[str] = ()
    patience: float = QUICK
    _answers: dict[str, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def silence(self, reference: str) -> str:
        """Return why the registry of a reference cannot be reached; "" if it may answer."""
        host = grammar.parse(reference).domain
        if belongs_to_nobody(host):
            return f"{host}: no registry can have a name below {NOBODY}"
        if not self._can_be_asked(host):
            return ""
        with self._lock:
            if host not in self._answers:
                self._answers[host] = _connect(host, self.patience)
            return self._answers[host]

    def ask(self, references: Iterable[str]) -> None:
        """Ask the registries of all references at once, so that several silent hosts take the time of one."""
        hosts = {grammar.parse(reference).domain for reference in references} - self._answers.keys()
        hosts = {host for host in hosts if not belongs_to_nobody(host) and self._can_be_asked(host)}
        found: dict[str, str] = {}

        def connect(host: str) -> None:
            found[host] = _connect(host, self.patience)

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

    def only_docker_reaches(self, reference: str) -> bool:
        """Whether Docker asks the registry of a reference in a way that the suite's own requests do not."""
        host = grammar.parse(reference).domain
        return host in self.insecure or self._by_proxy(host)

    def _by_proxy(self, host: str) -> bool:
        return bool(self.proxy) and not proxy_bypass_environment(host, {"no": self.no_proxy})

    def _can_be_asked(self, host: str) -> bool:
        """Whether a connection to a host shows what a pull would reach."""
        return not (self._by_proxy(host) or host in self.insecure or (host == DOCKER_IO and self.mirrors))


def belongs_to_nobody(host: str) -> bool:
    """Whether a host is below the domain in which nobody can register a name."""
    return host.partition(":")[0].endswith(NOBODY)


def _connect(host: str, within: float) -> str:
    """Return why a host does not answer, "" if it does."""
    name, _, port = (DOCKER_HUB if host == DOCKER_IO else host).partition(":")
    answers: queue.Queue[str] = queue.Queue()

    def attempt() -> None:
        try:
            socket.create_connection((name, int(port or _HTTPS)), timeout=within).close()
        except OSError as error:
            answers.put(f"{host}: {error.strerror or error}")
        except (ValueError, OverflowError) as error:
            # A port or a label of the name is out of range.
            answers.put(f"{host}: {error}")
        else:
            answers.put("")

    # Name resolution has no deadline, so a daemon thread does it, and may go on after this function returns.
    threading.Thread(target=attempt, daemon=True).start()
    try:
        return answers.get(timeout=within + 0.1)
    except queue.Empty:
        return f"{host}: no answer within {within:g} s"
