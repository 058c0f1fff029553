"""PP-2: the pull policy is declared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.model.chart import PULL_POLICIES
from osh_conformance.model.finding import Location, Verdict
from osh_conformance.model.rule import Rule
from osh_conformance.rules.registry import static_rule

if TYPE_CHECKING:
    from osh_conformance.model.chart import RenderedChart

RULE = Rule(
    id="PP-2",
    title="pull_policy is declared: Always, IfNotPresent or Never",
    source="a pull_policy that will be used by all containers in the chart",
    why="without it an operator cannot decide when images are pulled, and Kubernetes decides by the tag",
    fix="declare pull_policy in the images section",
    before="images:\n  db_sync: docker.io/kolla/keystone:18.0.1\n",
    after="images:\n  db_sync: docker.io/kolla/keystone:18.0.1\n  pull_policy: IfNotPresent\n",
)


@static_rule(RULE)
def check(chart: RenderedChart) -> Verdict:
    """Check the declared value. KEY-1 reports a chart of no known convention."""
    if chart.convention is None:
        return Verdict.not_applicable(RULE.id, "no images section of a known layout (see KEY-1)")
    if chart.policy in PULL_POLICIES:
        return Verdict.of(RULE.id, ())
    finding = RULE.finding(
        Location(chart=chart.name, path=chart.values_file, line=chart.policy_line, key=chart.policy_path),
        found="nothing" if chart.policy is None else repr(chart.policy),
        expected=" or ".join(PULL_POLICIES),
        fix=f"{chart.policy_path}: IfNotPresent",
    )
    return Verdict.of(RULE.id, [finding])
