"""Faults of the database server: away, killed, slow, with another password or certificate, or in somebody's use."""

from __future__ import annotations

import contextlib

from osh_conformance.observe.database import folder_of, quote_text
from osh_conformance.scenario import sessions
from osh_conformance.scenario.faults.base import Fault, fault

_ROOT = "root@'%'"
#: In turns: what a server that has far too much to do looks like from outside.
_STOPPED, _RUNNING = 0.4, 0.1


@fault("server-away")
class Away(Fault):
    """The server was shut down."""

    readable = reachable = False

    def strike(self) -> None:
        self.run.control.stop()

    def repair(self) -> None:
        self.run.control.start()


@fault("server-killed")
class Killed(Fault):
    """The server is killed, and stays away."""

    readable = reachable = False

    def strike(self) -> None:
        self.run.control.kill()

    def repair(self) -> None:
        self.run.control.start()


@fault("server-restarted")
class Restarted(Fault):
    """The server is killed, and comes back at once."""

    lasts = False

    def strike(self) -> None:
        self.run.control.kill()
        self.run.control.start()


@fault("server-slow")
class Slow(Fault):
    """The server stands still most of the time."""

    def strike(self) -> None:
        self.run.control.slow(_STOPPED, _RUNNING)

    def repair(self) -> None:
        self.run.control.steady()


@fault("password-changed")
class PasswordChanged(Fault):
    """The administrator's password is not the one that the release knows."""

    reachable = False

    def strike(self) -> None:
        self._set("another")

    def repair(self) -> None:
        self._set(self.run.plan.password)

    def _set(self, password: str) -> None:
        self.run.server.change(f"ALTER USER {_ROOT} IDENTIFIED BY {quote_text(password)};")


@fault("certificate-untrusted")
class CertificateUntrusted(Fault):
    """The server shows a certificate of an authority that the release was not told to trust."""

    reachable = False

    def strike(self) -> None:
        self.run.control.certificate(trusted=False)

    def repair(self) -> None:
        self.run.control.certificate(trusted=True)


@fault("database-locked")
class Locked(Fault):
    """Somebody else's transaction holds a table of each database."""

    def strike(self) -> None:
        self._held = contextlib.ExitStack()
        self._held.enter_context(sessions.locked(self.run))

    def repair(self) -> None:
        self._held.close()


@fault("folder-not-empty")
class FolderNotEmpty(Fault):
    """The server can drop every table of a database, and not the database: a file of somebody's lies in its folder."""

    def strike(self) -> None:
        self.run.control.run(["touch", *self._files])

    def repair(self) -> None:
        self.run.control.run(["rm", "-f", *self._files])

    @property
    def _files(self) -> list[str]:
        # The last one alone, so that a service with several has lost some of them by then.
        return [f"/var/lib/mysql/{folder_of(name)}/stray" for name in self.run.of_release.databases[-1:]]
