"""PP-1: every container has the declared pull policy."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from osh_conformance.model.chart import OTHER_POLICY, PULL_POLICIES
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
    blind=(
        "pods that an operator makes of a custom resource; what an admission plugin such as AlwaysPullImages "
        "makes of the policy"
    ),
    before="containers:\n  - name: api\n    imagePullPolicy: Always\n",
    after='containers:\n  - name: api\n    imagePullPolicy: "{{ .Values.images.pull_policy }}"\n',
)


_NONE = "no imagePullPolicy"


@static_rule(RULE)
def check(chart: RenderedChart) -> Verdict:
    """Check renderings with the policy set to other values and every toggle on.

    If no policy is declared (see PP-2), and in a chart of no known convention, containers are checked as they render:
    each must have a policy, and all of them the same. A layout may have a policy beside each image: each container must
    have one, and follow the one beside its image.
    """
    if not chart.every_container:
        return Verdict.not_applicable(RULE.id, "the chart renders no container")
    if chart.convention is not None and not chart.policy_path:
        return Verdict.of(RULE.id, _beside_images(chart))
    if chart.policy is None:
        return Verdict.of(RULE.id, _without_declaration(chart))
    causes: defaultdict[tuple[str, str, str], list[Container]] = defaultdict(list)
    for container in chart.every_container:
        if wrong := _deviation(chart, container, chart.policy_path):
            causes[container.template, container.name, wrong].append(container)
    expected = f"imagePullPolicy as {chart.policy_path} says, for each of {', '.join(PULL_POLICIES)}"
    fix = f"imagePullPolicy: {{{{ .Values.{chart.policy_path} }}}}"
    return Verdict.of(RULE.id, [_finding(chart, found, wrong, expected, fix) for (*_, wrong), found in causes.items()])


def _policies(chart: RenderedChart, container: Container) -> dict[str, str | None]:
    """Return the policy that a container has in each rendering, by the policy that values set there."""
    return {
        policy: other.pull_policy
        for policy, containers in chart.by_policy.items()
        for other in containers
        if other.position == container.position
    }


def _deviation(chart: RenderedChart, container: Container, path: str) -> str:
    """Say what this container does when the policy at `path` changes, nothing if it follows."""
    found = _policies(chart, container)
    wrong = {policy: own for policy, own in found.items() if own != policy}
    if wrong and len(set(found.values())) == 1:
        own = next(iter(found.values()))
        return _NONE if own is None else f"{own} for every value of {path}"
    return "; ".join(f"{own or _NONE} when {path} is {_named(policy)}" for policy, own in wrong.items())


def _named(policy: str) -> str:
    return "another one" if policy == OTHER_POLICY else policy


def _without_declaration(chart: RenderedChart) -> list[Finding]:
    """Check a chart that declares no policy in a known place: each container must have one, and all the same.

    A container that follows the place where the policy is missing needs nothing but that (see PP-2).
    """
    by_policy: defaultdict[str | None, list[Container]] = defaultdict(list)
    shipped = {container.position for container in chart.containers if container.pull_policy is not None}
    for container in chart.every_container:
        follows = any(policy == own for policy, own in _policies(chart, container).items())
        if not follows or container.position in shipped:
            by_policy[container.pull_policy].append(container)
    silent = by_policy.pop(None, [])
    fix = "declare one pull_policy in values, and use it for all containers"
    findings = []
    if silent:
        findings.append(_finding(chart, silent, _NONE, "an explicit imagePullPolicy", fix))
    if len(by_policy) > 1:
        policies = sorted(str(policy) for policy in by_policy)
        fewest = min(by_policy.values(), key=len)
        findings.append(_finding(chart, fewest, f"the chart uses {' and '.join(policies)}", "one for all", fix))
    return findings


def _beside_images(chart: RenderedChart) -> list[Finding]:
    """Check a chart with a policy beside each image: each container has one, and follows that of its image."""
    paths = {image.key: image.policy_path for image in chart.images}
    silent = []
    causes: defaultdict[tuple[str, str, str, str], list[Container]] = defaultdict(list)
    for container in chart.every_container:
        path = paths.get(container.key or "", "")
        if container.pull_policy is None:
            silent.append(container)
        elif path and (wrong := _deviation(chart, container, path)):
            causes[container.template, container.name, wrong, path].append(container)
    findings = [
        _finding(chart, found, wrong, f"imagePullPolicy as {path} says", f"imagePullPolicy: {{{{ .Values.{path} }}}}")
        for (*_, wrong, path), found in causes.items()
    ]
    if silent:
        fix = "declare a pullPolicy beside each image, and use it"
        findings.append(_finding(chart, silent, _NONE, "an explicit imagePullPolicy", fix))
    return findings


def _finding(chart: RenderedChart, containers: list[Container], found: str, expected: str, fix: str) -> Finding:
    return RULE.finding(
        places.of_containers(chart, containers, field="imagePullPolicy"), found=found, expected=expected, fix=fix
    )


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
