"""PULL-1: the pull secret reaches every pod."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from osh_conformance.manifests.pods import pods, pull_secrets
from osh_conformance.model.convention import PULL_SECRET
from osh_conformance.model.finding import Location, Verdict
from osh_conformance.model.rule import Rule
from osh_conformance.rules.registry import live_rule, static_rule
from osh_conformance.rules.shared import places
from osh_conformance.rules.shared.live import not_up

if TYPE_CHECKING:
    from osh_conformance.manifests.pods import Pod
    from osh_conformance.model.chart import RenderedChart, Rendering
    from osh_conformance.model.finding import Finding
    from osh_conformance.model.observation import Observation, ObservedContainer

RULE = Rule(
    id="PULL-1",
    title="the pull secret reaches every pod, hooks included",
    source="Kubernetes: Images, imagePullSecrets",
    why="from a registry that requires a login, the pod without the secret pulls nothing; a hook then blocks Helm",
    fix="set imagePullSecrets of this pod, or of its ServiceAccount, from the value that names the secret",
    blind=(
        "pods that an operator makes of a custom resource, and those of dependencies; what is in the secret, "
        "and secrets that a cluster adds to every ServiceAccount"
    ),
    before="""\
kind: Job
spec:
  template:
    spec:
      serviceAccountName: default
""",
    after="""\
kind: Job
spec:
  template:
    spec:
      serviceAccountName: default
      imagePullSecrets:
        - name: registry-login
""",
)
_ACCOUNT = "ServiceAccount"


@static_rule(RULE)
def check(chart: RenderedChart) -> Verdict:
    """Check renderings with a pull secret and every toggle on: each pod must have it, or its ServiceAccount.

    A chart that gives the secret to no pod does not support pull secrets, so the rule does not apply. The pods of its
    dependencies are not checked.
    """
    if chart.convention is None:
        return Verdict.not_applicable(RULE.id, "no images section of a known layout (see KEY-1)")
    where = chart.pull_secret_path
    if not where:
        return Verdict.not_applicable(RULE.id, f"the convention {chart.convention} has no place for a pull secret")
    if not chart.every_container:
        return Verdict.not_applicable(RULE.id, "the chart renders no container")
    if chart.pull_secret_error:
        return Verdict.undecided(RULE.id, f"the chart does not render with {where}: {chart.pull_secret_error}")
    if not _takes(chart):
        return Verdict.not_applicable(RULE.id, "the chart gives no pod a pull secret")
    return Verdict.of(RULE.id, [_finding(chart, pod, found) for pod, found in _lacking(chart)])


def _renderings(chart: RenderedChart) -> list[Rendering]:
    return [rendering for name, rendering in sorted(chart.renderings.items()) if name.startswith("pull-secret:")]


def _takes(chart: RenderedChart) -> bool:
    """Whether the secret arrives anywhere: a chart in which it does not supports none."""
    documents = (document for rendering in _renderings(chart) for document in rendering.documents if document.own)
    return any(PULL_SECRET in pull_secrets(document) for document in documents)


def _lacking(chart: RenderedChart) -> list[tuple[Pod, str]]:
    """Return each pod that lacks the secret in one rendering or more, once, and what it has in the first of these."""
    found: dict[tuple[str, int, str, str], tuple[Pod, str]] = {}
    accounts = _accounts(chart)
    for rendering in _renderings(chart):
        for pod in pods(chart, rendering):
            if text := _lacks(pod, accounts):
                found.setdefault(_position(pod), (pod, text))
    return list(found.values())


def _accounts(chart: RenderedChart) -> frozenset[str]:
    """Return the names of the ServiceAccounts that have the secret in any rendering."""
    documents = (document for rendering in _renderings(chart) for document in rendering.documents)
    return frozenset(each.name for each in documents if each.kind == _ACCOUNT and PULL_SECRET in pull_secrets(each))


def _position(pod: Pod) -> tuple[str, int, str, str]:
    """Return the identity of a pod in all renderings: that of its first container."""
    return pod.containers[0][0].position


def _lacks(pod: Pod, accounts: frozenset[str]) -> str:
    """Return what a pod without the pull secret has instead, "" if it has it."""
    if own := pull_secrets(pod.document):
        # Kubernetes then adds none of the ServiceAccount.
        return "" if PULL_SECRET in own else f"imagePullSecrets: {', '.join(own)}"
    account = str(pod.spec.get("serviceAccountName") or pod.spec.get("serviceAccount") or "default")
    rendered = pod.objects.get(_ACCOUNT, account)
    # Another toggle may render the account, and be off here only because it excludes the one of this pod.
    if rendered is None and account in accounts:
        return ""
    if rendered is None:
        return f"no imagePullSecrets, and the chart does not render its {_ACCOUNT} `{account}`"
    if PULL_SECRET in pull_secrets(rendered):
        return ""
    return f"no imagePullSecrets, and its {_ACCOUNT} `{account}` lacks the secret"


def _finding(chart: RenderedChart, pod: Pod, found: str) -> Finding:
    first, _ = pod.containers[0]
    # As shipped, a name that ends in a hash of the values has another end.
    known = {container.position: container for container in chart.every_container}
    return RULE.finding(
        replace(places.of_pod(chart, pod), workload=known.get(first.position, first).workload),
        found=found,
        expected=f"the secret that {chart.pull_secret_path} names, in the pod or in its {_ACCOUNT}",
    )


@live_rule(RULE)
def check_live(observation: Observation) -> Verdict:
    """Check that each pod has the secret that the chart got, and that the registry refused it no pull.

    The API server has added to a pod the secrets of its ServiceAccount. A pod that lacks the secret fails although it
    may start: its node can have the image by chance. The pods of the chart's dependencies are not checked.
    """
    if not observation.pull_secret:
        return Verdict.not_applicable(RULE.id, "the chart got no pull secret")
    # The values of a dependency are not the chart's own: the place for the secret says nothing about them.
    of_dependencies = {each.workload for each in observation.declared.containers if not each.own}
    workloads: defaultdict[str, list[ObservedContainer]] = defaultdict(list)
    for container in observation.containers:
        if container.workload not in of_dependencies:
            workloads[container.workload].append(container)
    findings = [found for each in workloads.values() if (found := _live_finding(observation, each))]
    if observation.unsettled and not findings:
        return Verdict.undecided(RULE.id, not_up(observation))
    return Verdict.of(RULE.id, findings)


def _live_finding(observation: Observation, containers: list[ObservedContainer]) -> Finding | None:
    """Return the finding about a workload, None if its pods have the secret and the registry refused them nothing."""
    refused = next((each for each in containers if each.pod in observation.refused_pulls), None)
    lacking = next((each for each in containers if observation.pull_secret not in each.pull_secrets), None)
    about = refused or lacking
    if about is None:
        return None
    names = ", ".join(about.pull_secrets)
    found = f"imagePullSecrets: {names}" if names else "no imagePullSecrets"
    if refused:
        found += "; the registry refused its pull"
    return RULE.finding(
        Location(chart=observation.declared.name, path=observation.cell.path, workload=about.workload),
        found=found,
        expected=f"imagePullSecrets: {observation.pull_secret}, as the chart's values say, and no refused pull",
        cause=_template(observation, about.workload),
    )


def _template(observation: Observation, workload: str) -> str:
    """Return where the chart renders a workload: its name may end in a hash of the values."""
    places = (
        f"{each.template} {each.document}" for each in observation.declared.containers if each.workload == workload
    )
    return next(places, workload)
