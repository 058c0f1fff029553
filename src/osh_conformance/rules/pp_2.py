"""PP-2: the pull policy is declared."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from osh_conformance.model.chart import PULL_POLICIES
from osh_conformance.model.finding import Verdict
from osh_conformance.model.rule import Rule
from osh_conformance.rules.registry import static_rule
from osh_conformance.rules.shared import places

if TYPE_CHECKING:
    from collections.abc import Iterator

    from osh_conformance.model.chart import RenderedChart

#: How many of the places a finding names.
_FEW = 3
_POLICY_NAME = re.compile(r"(image_?)?pull_?policy", re.IGNORECASE)

RULE = Rule(
    id="PP-2",
    title="pull_policy is declared: Always, IfNotPresent or Never",
    source="a pull_policy that will be used by all containers in the chart",
    why="without it an operator cannot decide when images are pulled, and Kubernetes decides by the tag",
    fix="declare pull_policy in the images section",
    blind=("whether anything uses the declared policy: that is PP-1; the values of charts that this one depends on"),
    before="images:\n  db_sync: docker.io/kolla/keystone:18.0.1\n",
    after="images:\n  db_sync: docker.io/kolla/keystone:18.0.1\n  pull_policy: IfNotPresent\n",
)


@static_rule(RULE)
def check(chart: RenderedChart) -> Verdict:
    """Check the declared value. A policy at another place in values is named; PP-1 checks what renders.

    A layout without one policy for all images has nothing to check, and neither has a chart of no known convention.
    """
    if chart.convention is None:
        return Verdict.not_applicable(RULE.id, "no images section of a known layout (see KEY-1)")
    if not chart.policy_path:
        return Verdict.not_applicable(RULE.id, f"the layout {chart.convention} has a policy for each image (see PP-1)")
    if chart.policy in PULL_POLICIES:
        return Verdict.of(RULE.id, ())
    found, fix, line = _found(chart), f"{chart.policy_path}: IfNotPresent", chart.policy_line
    elsewhere = list(_elsewhere(chart.effective)) if chart.policy is None else []
    if elsewhere:
        named = ", ".join(f"{path}: {policy}" for path, policy in elsewhere[:_FEW])
        more = f" and {len(elsewhere) - _FEW} more" if len(elsewhere) > _FEW else ""
        found += f"; the policy is at another place, {named}{more}"
        fix = f"{chart.policy_path}: {elsewhere[0][1]}, and use it in place of {elsewhere[0][0]}"
        line = chart.values.lines.get(elsewhere[0][0])
    finding = RULE.finding(
        places.of_value(chart, chart.policy_path, line),
        found=found,
        expected=" or ".join(PULL_POLICIES),
        fix=fix,
    )
    return Verdict.of(RULE.id, [finding])


def _found(chart: RenderedChart) -> str:
    return "nothing" if chart.policy is None else repr(chart.policy)


def _elsewhere(values: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield path and word of each value that is named like a pull policy and is one."""
    for name, entry in values.items() if isinstance(values, dict) else ():
        here = f"{path}.{name}" if path else str(name)
        if isinstance(entry, dict):
            yield from _elsewhere(entry, here)
        elif entry in PULL_POLICIES and _POLICY_NAME.fullmatch(str(name)):
            yield here, entry
