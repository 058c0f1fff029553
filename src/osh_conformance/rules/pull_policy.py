"""PP: one declared pull policy, and every container obeys it."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from osh_conformance.model.chart import PULL_POLICIES
from osh_conformance.model.finding import Finding, Verdict
from osh_conformance.model.rule import Rule
from osh_conformance.rules.registry import static_rule

if TYPE_CHECKING:
    from osh_conformance.model.chart import Container, RenderedChart

PP_1 = Rule(
    id="PP-1",
    title="every container has the declared pull policy, explicitly",
    source="a pull_policy that will be used by all containers in the chart",
    why="a container with a policy of its own pulls where the operator forbade it, or runs a stale image",
    example="a template with `imagePullPolicy: Always` in it",
    fix="imagePullPolicy: {{ .Values.images.pull_policy }}",
)
PP_2 = Rule(
    id="PP-2",
    title="pull_policy is declared: Always, IfNotPresent or Never",
    source="a pull_policy that will be used by all containers in the chart",
    why="without it an operator cannot say when images are pulled, and Kubernetes decides by the tag",
    example="an images section without pull_policy",
    fix="images.pull_policy: IfNotPresent",
)


@static_rule(PP_1)
def is_obeyed(chart: RenderedChart) -> Verdict:
    """Judge PP-1: the policy is set to each of the three values, with every toggle on.

    Where none is declared it is not applicable (see PP-2); a chart of no known convention is judged on what renders.
    """
    if not chart.every_container:
        return Verdict.not_applicable(PP_1.id, "the chart renders no container")
    if chart.convention is None:
        return Verdict.of(PP_1.id, _without_declaration(chart))
    if chart.policy is None:
        return Verdict.not_applicable(PP_1.id, f"{chart.policy_path} is not declared (see PP-2)")
    causes: defaultdict[tuple[str, str, str], list[Container]] = defaultdict(list)
    for container in chart.every_container:
        if wrong := _disobedience(chart, container):
            causes[container.template, container.name, wrong].append(container)
    expected = f"imagePullPolicy as {chart.policy_path} says, for each of {', '.join(PULL_POLICIES)}"
    fix = f"imagePullPolicy: {{{{ .Values.{chart.policy_path} }}}}"
    return Verdict.of(PP_1.id, [_finding(chart, found, wrong, expected, fix) for (*_, wrong), found in causes.items()])


@static_rule(PP_2)
def is_declared(chart: RenderedChart) -> Verdict:
    """Judge PP-2: of a chart of no known convention KEY-1 speaks."""
    if chart.convention is None:
        return Verdict.not_applicable(PP_2.id, "no images section of a known layout (see KEY-1)")
    if chart.policy in PULL_POLICIES:
        return Verdict.of(PP_2.id, ())
    found = "nothing" if chart.policy is None else repr(chart.policy)
    finding = Finding(
        rule=PP_2.id,
        chart=chart.name,
        path=chart.values_file,
        line=chart.policy_line,
        key=chart.policy_path,
        found=found,
        expected=" or ".join(PULL_POLICIES),
        why=PP_2.why,
        fix=f"{chart.policy_path}: IfNotPresent",
    )
    return Verdict.of(PP_2.id, [finding])


def _disobedience(chart: RenderedChart, container: Container) -> str:
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
        return "no imagePullPolicy" if own is None else f"{own}, whatever {chart.policy_path} says"
    return "; ".join(
        f"{own or 'no imagePullPolicy'} when {chart.policy_path} is {policy}" for policy, own in wrong.items()
    )


def _without_declaration(chart: RenderedChart) -> list[Finding]:
    """Without a policy declared in a known place, each container must still say one, and all the same."""
    by_policy: defaultdict[str | None, list[Container]] = defaultdict(list)
    for container in chart.containers:
        by_policy[container.pull_policy].append(container)
    silent = by_policy.pop(None, [])
    fix = "one pull_policy in values, used by all containers"
    findings = []
    if silent:
        findings.append(_finding(chart, silent, "no imagePullPolicy", "an explicit imagePullPolicy", fix))
    if len(by_policy) > 1:
        policies = sorted(str(policy) for policy in by_policy)
        fewest = min(by_policy.values(), key=len)
        findings.append(_finding(chart, fewest, f"the chart uses {' and '.join(policies)}", "one for all", fix))
    return findings


def _finding(chart: RenderedChart, containers: list[Container], found: str, expected: str, fix: str) -> Finding:
    first = containers[0]
    return Finding(
        rule=PP_1.id,
        chart=chart.name,
        path=chart.folder + first.template,
        workload=first.workload,
        container=first.name,
        containers=tuple(container.label for container in containers),
        found=found,
        expected=expected,
        why=PP_1.why,
        fix=fix,
    )
