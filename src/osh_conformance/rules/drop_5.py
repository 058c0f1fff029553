"""DROP-5: the drop is idempotent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.model.finding import Verdict
from osh_conformance.model.rule import Rule
from osh_conformance.rules.registry import live_rule
from osh_conformance.rules.shared.live import not_up
from osh_conformance.rules.shared.removals import check_removals

if TYPE_CHECKING:
    from osh_conformance.model.observation import Observation

RULE = Rule(
    id="DROP-5",
    title="the drop is idempotent: it completes in every state of the release and its database",
    source="a Kubernetes Job that drops the database for an OpenStack service on deletion of its Helm release",
    why="if a missing database blocks the uninstall, an operator must repair the release by hand",
    fix="drop each object with IF EXISTS in a statement of its own, then query the server for what is left",
    blind=(
        "states of the database other than those of its scenarios: the database or its user is gone, the "
        "database is empty, the server is never ready, the switch was changed; what DROP-4 does not look at"
    ),
    before="""\
containers:
  - name: db-drop
    command: ["mysql", "-e", "DROP DATABASE keystone; DROP USER keystone"]
""",
    after="""\
containers:
  - name: db-drop
    command: ["mysql", "-e", "DROP DATABASE IF EXISTS keystone; DROP USER IF EXISTS keystone"]
""",
    reduced=True,
)


@live_rule(RULE)
def check_live(observation: Observation) -> Verdict:
    """Apply the checks of DROP-4 to a release whose database, account, switch or readiness changed after the install.

    It is undecided if the release did not come up.
    """
    if observation.unsettled:
        return Verdict.undecided(RULE.id, not_up(observation))
    return check_removals(RULE, observation)
