"""Stopping, starting and slowing the database server, and changing its certificate; its data stays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from osh_conformance.cluster.api import Kube
    from osh_conformance.observe.database import DatabaseServer

_SCRIPT = "/scripts/server.sh"
#: Seconds. The script ends before that, with a reason: it waits for its lock, for the current turn, and for the server.
_DEADLINE = 240.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerControl:
    """Controls a MariaDB server of the suite's own; its container keeps running.

    Each call returns when it is done, and raises `SuiteError` if that fails or takes too long. The Service follows
    the readiness probe: it loses its endpoint about 3 s after the server stops, and has one about 1 s after it starts.
    """

    kube: Kube
    namespace: str
    pod: str
    container: str

    @classmethod
    def of(cls, server: DatabaseServer) -> ServerControl:
        """Return the control of a server that the suite queries elsewhere."""
        return cls(kube=server.kube, namespace=server.namespace, pod=server.pod, container=server.container)

    def stop(self) -> None:
        """Shut the server down cleanly; it stays down until `start`."""
        self._control("stop")

    def kill(self) -> None:
        """Kill the server; it stays down until `start`. Committed data stays."""
        self._control("kill")

    def start(self) -> None:
        """Start the server, unless it runs, and wait until it answers (60 s).

        This resets its own accounts, root's password too; all other accounts stay.
        """
        self._control("start")

    def slow(self, stopped: float, running: float) -> None:
        """From now on, stop the server's process for `stopped` seconds and let it run for `running` seconds, in turns.

        Both to a millisecond.
        """
        self._control("slow", f"{stopped:.3f}", f"{running:.3f}")

    def steady(self) -> None:
        """End `slow`; the server may run already, or be down."""
        self._control("steady")

    def certificate(self, name: str) -> None:
        """Present one of the server's certificates to new connections: a name of a pair of `Certificates`."""
        self._control("certificate", name)

    def run(self, argv: Sequence[str]) -> str:
        """Run a program in the server's container, without a shell; return its stdout."""
        return self.kube.execute(self.namespace, self.pod, self.container, argv, deadline=_DEADLINE)

    def _control(self, *arguments: str) -> None:
        self.run([_SCRIPT, *arguments])
