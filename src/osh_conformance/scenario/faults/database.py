"""Faults of the database server: down, slow, with another password or certificate, or locked."""

from __future__ import annotations

import contextlib
from typing import ClassVar

from osh_conformance.observe.database import quote_text
from osh_conformance.observe.server_state import folder_of
from osh_conformance.scenario import sessions
from osh_conformance.scenario.faults.base import Fault, fault

#: The account with which the release administers the server.
ROOT = "root@'%'"
#: Seconds, in turns: from outside, the server looks like an overloaded one.
_STOPPED, _RUNNING = 0.4, 0.1


@fault("server-away")
class Away(Fault):
    """The server is shut down."""

    def inject(self) -> None:
        self.state.control.stop()

    def repair(self) -> None:
        self.state.control.start()


@fault("server-killed")
class Killed(Fault):
    """The server is killed, and stays down."""

    def inject(self) -> None:
        self.state.control.kill()

    def repair(self) -> None:
        self.state.control.start()


@fault("server-restarted")
class Restarted(Fault):
    """The server is killed, and starts again at once."""

    def inject(self) -> None:
        self.state.control.kill()
        self.state.control.start()


@fault("server-slow")
class Slow(Fault):
    """The server's process is stopped most of the time."""

    def inject(self) -> None:
        self.state.control.slow(_STOPPED, _RUNNING)

    def repair(self) -> None:
        self.state.control.steady()


@fault("password-changed")
class PasswordChanged(Fault):
    """The administrator's password is no longer the one that the release knows."""

    def inject(self) -> None:
        self._set("another")

    def repair(self) -> None:
        self._set(self.state.plan.password)

    def _set(self, password: str) -> None:
        self.state.server.change(f"ALTER USER {ROOT} IDENTIFIED BY {quote_text(password)};")


class _Certificate(Fault):
    """The server presents another certificate: a name of a pair of `Certificates`."""

    presented: ClassVar[str]

    def inject(self) -> None:
        self.state.control.certificate(self.presented)

    def repair(self) -> None:
        self.state.control.certificate("trusted")


@fault("certificate-untrusted")
class CertificateUntrusted(_Certificate):
    """The server presents a certificate of an authority that the release does not trust."""

    presented = "untrusted"


@fault("certificate-other-host")
class CertificateOtherHost(_Certificate):
    """The server presents a certificate of the trusted authority for a host of another name."""

    presented = "other_host"


@fault("database-locked")
class Locked(Fault):
    """Another client's transaction locks a table of each database."""

    def inject(self) -> None:
        self._lock = contextlib.ExitStack()
        self._lock.enter_context(sessions.locked(self.state))

    def repair(self) -> None:
        self._lock.close()


@fault("folder-not-empty")
class FolderNotEmpty(Fault):
    """The server can drop every table of the last database, but not the database: its folder has a stray file."""

    def inject(self) -> None:
        self.state.control.run(["touch", *self._files])

    def repair(self) -> None:
        self.state.control.run(["rm", "-f", *self._files])

    @property
    def _files(self) -> list[str]:
        # Only the last one, so that a service with several databases has lost some of them by then.
        return [f"/var/lib/mysql/{folder_of(name)}/stray" for name in self.state.lifetime.databases[-1:]]
