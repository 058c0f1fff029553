"""Faults of a database server that answers and refuses: too many connections, a limit, or read-only."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

from osh_conformance.scenario import sessions
from osh_conformance.scenario.faults.base import Fault, fault
from osh_conformance.scenario.faults.database import ROOT

if TYPE_CHECKING:
    from osh_conformance.observe.database import DatabaseServer
    from osh_conformance.scenario.state import ScenarioState

#: The smallest number that a server accepts as its limit.
_FEWEST = 10
#: One more than the limit: a server keeps one place above it for administrators.
_CROWD = _FEWEST + 1


@fault("connections-exhausted")
class ConnectionsExhausted(Fault):
    """More connections are open than the server takes; only the suite gets in, at the server's extra port."""

    def __init__(self, state: ScenarioState) -> None:
        super().__init__(state)
        self._open = contextlib.ExitStack()

    def inject(self) -> None:
        usual, extra = self.state.server, self._extra_port()
        limit = usual.read("SELECT @@GLOBAL.max_connections;").strip()
        # In this order: they could not be opened below the lower limit.
        self._open.enter_context(sessions.crowded(self.state, _CROWD))
        self._open.callback(setattr, self.state, "server", usual)
        self.state.server = extra
        self._open.callback(extra.change, f"SET GLOBAL max_connections = {limit};")
        extra.change(f"SET GLOBAL max_connections = {_FEWEST};")

    def repair(self) -> None:
        self._open.close()

    def _extra_port(self) -> DatabaseServer:
        port = self.state.server.read("SELECT @@GLOBAL.extra_port;").strip()
        options = ("--protocol=tcp", "--host=127.0.0.1", f"--port={port}")
        return replace(self.state.server, options=options)


@fault("connection-limit")
class ConnectionLimit(Fault):
    """The administrator's account may have no connection beside those that it has."""

    def inject(self) -> None:
        # For a server, a negative limit is one that is always reached.
        self._limit(-1)

    def repair(self) -> None:
        self._limit(0)

    def _limit(self, connections: int) -> None:
        self.state.server.change(f"ALTER USER {ROOT} WITH MAX_USER_CONNECTIONS {connections};")


@fault("server-read-only")
class ReadOnly(Fault):
    """The server is read-only, and the administrator has no privilege to change anything in spite of that."""

    def inject(self) -> None:
        self.state.server.change(f"REVOKE READ_ONLY ADMIN ON *.* FROM {ROOT}; SET GLOBAL read_only = ON;")

    def repair(self) -> None:
        self.state.server.change(f"SET GLOBAL read_only = OFF; GRANT READ_ONLY ADMIN ON *.* TO {ROOT};")
