"""DEP-1: pods wait for their dependencies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.model.chart import Role
from osh_conformance.model.finding import Verdict
from osh_conformance.model.rule import Rule
from osh_conformance.rules.registry import live_rule
from osh_conformance.rules.shared.live import place

if TYPE_CHECKING:
    from osh_conformance.model.observation import Observation

RULE = Rule(
    id="DEP-1",
    title="pods wait in an init container for their dependencies, and start when the dependencies are ready",
    source="dep_check: the image that will perform dependency checking in an init-container",
    why="a Job that starts before its database is ready fails, or works on another database",
    fix="set DEPENDENCY_SERVICE of the dep_check init container to the database's Service",
    blind=(
        "dependencies other than the database's Service, such as Jobs and message queues; what a container "
        "waits for in its own script"
    ),
    before="""\
initContainers: []
containers:
  - name: db-init
    command: [/tmp/db-init.py]
""",
    after="""\
initContainers:
  - name: init
    command: [kubernetes-entrypoint]
    env:
      - name: DEPENDENCY_SERVICE
        value: openstack:mariadb
containers:
  - name: db-init
    command: [/tmp/db-init.py]
""",
)


@live_rule(RULE)
def check_live(observation: Observation) -> Verdict:
    """Check that pods stay in Init while the database's Service is withheld, and start when it appears."""
    withheld = observation.withheld
    if withheld is None:
        return Verdict.not_applicable(RULE.id, "the scenario withholds no Service")
    if not withheld.waiting and not withheld.early:
        return Verdict.not_applicable(RULE.id, "the chart has no dep_check key, or no db_init container")
    findings = [
        RULE.finding(
            place(observation, key="dep_check"),
            found=f"{workload} started while the Service of its database did not exist",
            expected="its pod stays in Init until the Service has an endpoint",
            cause="early",
        )
        for workload in withheld.early
    ]
    started = {c.workload for c in observation.containers if c.ran and c.role is not Role.INIT}
    findings += [
        RULE.finding(
            place(observation, key="dep_check"),
            found=f"{workload} did not start after the Service appeared",
            expected="it starts as soon as its dependencies are ready",
            why="an init container that does not end blocks the installation",
            fix="see the log of the pod's dep_check container",
            cause="not started",
        )
        for workload in withheld.waiting
        if workload not in started
    ]
    return Verdict.of(RULE.id, findings)
