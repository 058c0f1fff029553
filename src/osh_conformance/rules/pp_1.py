"""PP-1: every container has the declared pull policy."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from osh_conformance.model.chart import PULL_POLICIES
from osh_conformance.model.finding import Verdict
from osh_conformance.model.rule import Rule
from osh_conformance.rules.registry import live_rule, static_rule
from osh_conformance.rules.shared import places
from osh_conformance.rules.shared.live import place

if TYPE_CHECKING:
    from osh_conformance.model.chart import Container, RenderedChart
    from osh_conformance.model.finding import Finding
    from osh_conformance.model.observation import Observation

RULE = Rule(
    id="PP-1",
    title="every container has the declared pull policy, explicitly",
    source="a pull_policy that will be used by all containers in the chart",
    why="a container with a policy of its own pulls although the operator forbade it, or runs a stale image",
    fix="set imagePullPolicy of this container from the declared pull_policy",
    before="containers:\n  - name: api\n    imagePullPolicy: Always\n",
    after='containers:\n  - name: api\n    imagePullPolicy: "{{ .Values.images.pull_policy }}"\n',
)


@static_rule(RULE)
def check(chart: RenderedChart) -> Verdict:
    """Check renderings with the policy set to each of its three values and every toggle on.

    If no policy is declared the rule does not apply (see PP-2). A chart of no known convention is checked as it
    renders: every container must have a policy, and all of them the same.
    """
    if not chart.every_container:
        return Verdict.not_applicable(RULE.id, "the chart renders no container")
    if chart.convention is None:
        return Verdict.of(RULE.id, _without_declaration(chart))
    if chart.policy is None:
        return Verdict.not_applicable(RULE.id, f"{chart.policy_path} is not declared (see PP-2)")
    causes: defaultdict[tuple[str, str, str], list[Container]] = defaultdict(list)
    for container in chart.every_container:
        if wrong := _deviation(chart, container):
            causes[container.template, container.name, wrong].append(container)
    expected = f"imagePullPolicy as {chart.policy_path} says, for each of {', '.join(PULL_POLICIES)}"
    fix = f"imagePullPolicy: {{{{ .Values.{chart.policy_path} }}}}"
    return Verdict.of(RULE.id, [_finding(chart, found, wrong, expected, fix) for (*_, wrong), found in causes.items()])


def _deviation(chart: RenderedChart, container: Container) -> str:
    """Say what this container does when the policy changes, nothing if it follows."""
    found = {
        policy: other.pull_policy
        for policy, containers in chart.by_policy.items()
        for other in containers
        if other.position == container.position
    }
    wrong = {policy: own for policy, own in found.items() if own != policy}
    if wrong and len(set(found.values())) == 1:
        own = next(iter(found.values()))
        return "no imagePullPolicy" if own is None else f"{own} for every value of {chart.policy_path}"
    return "; ".join(
        f"{own or 'no imagePullPolicy'} when {chart.policy_path} is {policy}" for policy, own in wrong.items()
    )


def _without_declaration(chart: RenderedChart) -> list[Finding]:
    """Check a chart that declares no policy in a known place: each container must have one, and all the same."""
    by_policy: defaultdict[str | None, list[Container]] = defaultdict(list)
    for container in chart.containers:
        by_policy[container.pull_policy].append(container)
    silent = by_policy.pop(None, [])
    fix = "declare one pull_policy in values, and use it for all containers"
    findings = []
    if silent:
        findings.append(_finding(chart, silent, "no imagePullPolicy", "an explicit imagePullPolicy", fix))
    if len(by_policy) > 1:
        policies = sorted(str(policy) for policy in by_policy)
        fewest = min(by_policy.values(), key=len)
        findings.append(_finding(chart, fewest, f"the chart uses {' and '.join(policies)}", "one for all", fix))
    return findings


def _finding(chart: RenderedChart, containers: list[Container], found: str, expected: str, fix: str) -> Finding:
    return RULE.finding(places.of_containers(chart, containers), found=found, expected=expected, fix=fix)


@live_rule(RULE)
def check_live(observation: Observation) -> Verdict:
    """Check that every container of every pod has the one declared policy."""
    policy = observation.declared.policy
    if policy not in PULL_POLICIES:
        return Verdict.not_applicable(RULE.id, "the chart declares no valid pull policy")
    findings = [
        RULE.finding(
            place(observation, container),
            found=f"imagePullPolicy {container.pull_policy}",
            expected=f"imagePullPolicy {policy}, as declared",
        )
        for container in observation.containers
        if container.pull_policy != policy
    ]
    return Verdict.of(RULE.id, findings)
