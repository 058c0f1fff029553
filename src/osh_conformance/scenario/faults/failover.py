"""A fault of the database server's name: it leads to another server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.errors import SuiteError
from osh_conformance.observe.database import quote_text
from osh_conformance.scenario import infrastructure
from osh_conformance.scenario.database_control import ServerControl
from osh_conformance.scenario.faults.base import Fault, fault
from osh_conformance.waiting import until

if TYPE_CHECKING:
    from osh_conformance.observe.database import DatabaseServer

#: Seconds within which the replica has all that the server has logged.
_IN_STEP_WITHIN = 30
#: Seconds within which nodes lead the name to the replica.
_LEADS_WITHIN = 60.0
_PAUSE = 0.2
#: Statements for the replica: replication has disabled its events.
_EVENTS = """
SELECT CONCAT('UPDATE mysql.event SET status = ', QUOTE(status), ' WHERE db = ', QUOTE(db), ' AND name = ', QUOTE(name),
  ';') FROM mysql.event;
"""
_NUMBER = "SELECT @@GLOBAL.server_id;"


@fault("server-failed-over")
class FailedOver(Fault):
    """The replica takes the server's place with all that the server has logged, and the server's name.

    No new connection reaches the old server. Those that are open stay with it, as they do behind a Service or a
    virtual address, and what they change is lost. From then on the suite too queries the replica.
    """

    def inject(self) -> None:
        replica = self.state.replica
        if replica is None:
            raise SuiteError(f"{self.id}: the scenario's database server has no replica")
        self._follow(replica)
        replica.change(f"STOP SLAVE; RESET SLAVE ALL; {self.state.server.read(_EVENTS)}")
        database = self.state.plan.database
        successor = next(each for each in self.state.plan.components if each.name == infrastructure.REPLICA)
        name = infrastructure.hand_over(database, successor.release, self.state.context)
        self._await_name(name, replica)
        self.state.server, self.state.control = replica, ServerControl.of(replica)

    def _follow(self, replica: DatabaseServer) -> None:
        """Let the replica repeat all that the server has done since its first start, and wait for it."""
        state = self.state
        host = state.context.kube.pod_address(state.context.namespace, state.server.pod)
        port, position = state.server.read("SELECT @@GLOBAL.port, @@GLOBAL.gtid_binlog_pos;").split()
        found = replica.change(
            f"CHANGE MASTER TO MASTER_HOST = {quote_text(host)}, MASTER_PORT = {port}, MASTER_USER = 'root', "
            f"MASTER_PASSWORD = {quote_text(state.plan.password)}, MASTER_USE_GTID = slave_pos; START SLAVE; "
            f"SELECT MASTER_GTID_WAIT({quote_text(position)}, {_IN_STEP_WITHIN});"
        ).strip()
        if found != "0":
            errors = replica.read("SHOW SLAVE STATUS;")
            raise SuiteError(f"{self.id}: the replica is not in step within {_IN_STEP_WITHIN} s", details=errors)

    def _await_name(self, name: str, replica: DatabaseServer) -> None:
        """Wait until a new connection to the name reaches the replica. No event reports that nodes have learned it."""
        state, wanted = self.state, replica.read(_NUMBER).strip()
        port = state.server.read("SELECT @@GLOBAL.port;").strip()
        where = ["--no-defaults", "--protocol=tcp", f"--host={name}", f"--port={port}", "--connect-timeout=2"]
        login = ["--user=root", f"--password={state.plan.password}"]
        argv = ["mariadb", *where, *login, "--batch", "--skip-column-names", "--execute", _NUMBER]

        def leads() -> bool:
            try:
                return state.control.run(argv).strip() == wanted
            except SuiteError:
                return False

        until(
            leads,
            f"the name {name} to lead to the replica",
            deadline=_LEADS_WITHIN,
            pause=_PAUSE,
            cancel=state.context.cancel,
        )
