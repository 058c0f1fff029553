"""DROP-4: the uninstall follows the drop switch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.model.rule import Rule
from osh_conformance.rules.registry import live_rule
from osh_conformance.rules.shared.removals import check_removals

if TYPE_CHECKING:
    from osh_conformance.model.finding import Verdict
    from osh_conformance.model.observation import Observation

RULE = Rule(
    id="DROP-4",
    title="helm uninstall drops the service's database if the switch is on, and nothing if it is off",
    source="a Kubernetes Job that drops the database for an OpenStack service on deletion of its Helm release",
    why="operators rely on the switch to delete the service's database with the release, or to keep it",
    fix="let the drop Job query the server after the drop, and exit with an error if anything is left",
    blind=(
        "data that is not on the cell's database server: volumes, files that a drop writes there, message queues and "
        "Keystone's entries (DROP-8); sessions of another release's service, which come and go; rows that a service "
        "changes at the same time as the drop; a global variable that a client had set before, and that the drop sets "
        "and sets back; servers of the operator's own, with other versions or plugins"
    ),
    before="""\
containers:
  - name: db-drop
    command: ["/bin/sh", "-c", "mysql -e 'DROP DATABASE IF EXISTS keystone' || true"]
""",
    after="""\
containers:
  - name: db-drop
    command:
      - /bin/sh
      - -ec
      - |
        mysql -e 'DROP DATABASE IF EXISTS keystone; DROP USER IF EXISTS keystone'
        test -z "$(mysql -Ne "SHOW DATABASES LIKE 'keystone'")"
""",
    reduced=True,
)


@live_rule(RULE)
def check_live(observation: Observation) -> Verdict:
    """Compare the database server before and after each uninstall.

    With the switch on, the service's data must be gone and all other data unchanged. With the switch off, all data must
    be there with every row. The service's databases, accounts and roles are those that came after the install began
    and that no step made; until the uninstall begins nothing may take them away.

    Nothing may be new after an uninstall. Other services keep their databases with views, routines, events, triggers
    and indexes, their accounts with password, lock, TLS demands, limits, roles and narrow grants, and their sessions.
    The drop sets no global variable, and runs no statement that concerns every client, such as FLUSH TABLES.
    """
    return check_removals(RULE, observation)
