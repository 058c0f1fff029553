"""DROP-7: the drop works with difficult names and on a busy server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.model.finding import Verdict
from osh_conformance.model.rule import Rule
from osh_conformance.rules.registry import live_rule
from osh_conformance.rules.shared.live import not_up, place
from osh_conformance.rules.shared.removals import check_removals

if TYPE_CHECKING:
    from osh_conformance.model.observation import Observation

RULE = Rule(
    id="DROP-7",
    title="the drop works with any name and password, with TLS, with open sessions and on a busy server",
    source="a Kubernetes Job that drops the database for an OpenStack service on deletion of its Helm release",
    why="a drop that works only on an idle server with plain names fails when an operator needs it",
    fix="quote names in SQL, do not build URLs from decoded parts, and end the service's sessions before the drop",
    blind=(
        "names and passwords other than those of its scenarios; authentication other than by password and TLS; what "
        "DROP-4 does not look at"
    ),
    before="""\
data:
  db-drop.py: |
    cursor.execute("DROP DATABASE IF EXISTS " + name)
""",
    after="""\
data:
  db-drop.py: |
    end_sessions_of(user)
    cursor.execute("DROP DATABASE IF EXISTS `" + name.replace("`", "``") + "`")
""",
    reduced=True,
)


@live_rule(RULE)
def check_live(observation: Observation) -> Verdict:
    """Apply the checks of DROP-4 to a release with difficult names or TLS, or with a database server that is busy.

    If such a release does not come up because of its names or TLS, that is a finding. If any other release does not
    come up, the rule is undecided.
    """
    if not observation.unsettled:
        return check_removals(RULE, observation)
    if not (observation.scenario.names or observation.scenario.tls):
        return Verdict.undecided(RULE.id, not_up(observation))
    finding = RULE.finding(
        place(observation, key="db_init"),
        found=f"{observation.scenario.summary}: the release does not come up: {observation.unsettled}",
        expected="the release comes up with these names, and with a server that requires TLS",
        cause=observation.scenario.name,
    )
    return Verdict.of(RULE.id, [finding])
