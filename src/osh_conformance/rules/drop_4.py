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
)


@live_rule(RULE)
def check_live(observation: Observation) -> Verdict:
    """Compare the database server before and after each uninstall.

    With the switch on, the service's data must be gone and all other data unchanged. With the switch off, all data must
    be there with every row. The service's databases and accounts are those that the install added to the server.
    """
    return check_removals(RULE, observation)
