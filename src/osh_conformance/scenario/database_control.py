"""The database server taken away, brought back, slowed or given another certificate, its data kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from osh_conformance.cluster.api import Kube
    from osh_conformance.observe.database import DatabaseServer

_SCRIPT = "/scripts/server.sh"
#: Seconds. The script gives up before that, and says why: it waits for its lock, for turns to end, and for the server.
_DEADLINE = 240.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerControl:
    """What is done to a MariaDB server of the suite's own; its container stays.

    Each call returns when it is done, and raises `SuiteError` if that fails or takes too long. The Service follows
    the readiness probe: it has no endpoint some 3 s after the server went, and has one about 1 s after it came back.
    """

    kube: Kube
    namespace: str
    pod: str
    container: str

    @classmethod
    def of(cls, server: DatabaseServer) -> ServerControl:
        """The control of a server that is asked elsewhere."""
        return cls(kube=server.kube, namespace=server.namespace, pod=server.pod, container=server.container)

    def stop(self) -> None:
        """Shut the server down cleanly; it stays away until `start`."""
        self._control("stop")

    def kill(self) -> None:
        """Kill the server in the midst of whatever it does; it stays away until `start`. Commits are kept."""
        self._control("kill")

    def start(self) -> None:
        """Start the server, unless it is there, and wait until it answers (60 s).

        Its own accounts are then as they were at first, root's password too; accounts of others are untouched.
        """
        self._control("start")

    def slow(self, stopped: float, running: float) -> None:
        """From now on, stop the server's process for `stopped` seconds and let it run for `running`, in turns.

        Both to a millisecond.
        """
        self._control("slow", f"{stopped:.3f}", f"{running:.3f}")

    def steady(self) -> None:
        """Let the server run again; it may be steady, or away."""
        self._control("steady")

    def certificate(self, *, trusted: bool) -> None:
        """Show the trusted or the untrusted certificate to whoever connects from now on."""
        self._control("certificate", "trusted" if trusted else "untrusted")

    def run(self, argv: Sequence[str]) -> str:
        """Run any program in the server's container (it has no shell of its own around it); its stdout."""
        return self.kube.execute(self.namespace, self.pod, self.container, argv, deadline=_DEADLINE)

    def _control(self, *words: str) -> None:
        self.run([_SCRIPT, *words])
