"""LIFE-2: repeated installs and uninstalls leave nothing more each time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.model.finding import Verdict
from osh_conformance.model.rule import Rule
from osh_conformance.rules.registry import live_rule
from osh_conformance.rules.shared.live import place

if TYPE_CHECKING:
    from osh_conformance.model.observation import Observation

RULE = Rule(
    id="LIFE-2",
    title="a release that is installed and uninstalled repeatedly leaves no more objects each time",
    source="a Kubernetes Job that drops the database for an OpenStack service on deletion of its Helm release",
    why="the leftovers of each uninstall add up until they fill the namespace or the server",
    fix="make every object part of the release, or give hooks fixed names and a delete policy",
    blind=(
        "memory and disk that pods use; what grows on the nodes; objects outside of the cell's namespace and server"
    ),
    before="""\
kind: Job
metadata:
  name: 'keystone-db-drop-{{ randAlphaNum 5 | lower }}'
  annotations:
    helm.sh/hook: pre-delete
""",
    after="""\
kind: Job
metadata:
  name: keystone-db-drop
  annotations:
    helm.sh/hook: pre-delete
    helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
""",
)
_AT_LEAST = 2


@live_rule(RULE)
def check_live(observation: Observation) -> Verdict:
    """Compare what namespace and server hold after the last uninstall with what they held after the first."""
    usage = observation.usage
    if len(usage) < _AT_LEAST:
        return Verdict.not_applicable(RULE.id, "the release was not installed repeatedly: use --repeat N")
    first, last = usage[0].own, usage[-1].own
    # A server that did not answer after the first uninstall had no fewer then.
    unread = set(usage[-1].server) - set(usage[0].server)
    findings = [
        RULE.finding(
            place(observation),
            found=f"{kind}: {first.get(kind, 0)} after the first uninstall, {number} after {len(usage)}",
            expected="no more than after the first",
            cause=kind,
        )
        for kind, number in sorted(last.items())
        if kind not in unread and number > first.get(kind, 0)
    ]
    return Verdict.of(RULE.id, findings)
