"""PP-3: the nodes follow the pull policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.model.finding import Verdict
from osh_conformance.model.rule import Rule
from osh_conformance.rules.registry import live_rule
from osh_conformance.rules.shared.live import place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from osh_conformance.model.finding import Finding
    from osh_conformance.model.observation import Observation, ObservedPull

RULE = Rule(
    id="PP-3",
    title="nodes follow the pull policy: they ask the registry never, for a missing image only, or at each start",
    source="Kubernetes: Images, imagePullPolicy",
    why="a node that overrides the policy pulls an image that the operator forbade, or runs an outdated one",
    fix="remove what overrides imagePullPolicy on the cluster (AlwaysPullImages, a mutating policy)",
    blind=(
        "the chart's own pods: probe pods of the suite stand for them, because those of a chart share images; "
        "registries other than the run's own"
    ),
    before="""\
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
apiServer:
  extraArgs:
    - name: enable-admission-plugins
      value: NodeRestriction,AlwaysPullImages
""",
    after="""\
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
apiServer:
  extraArgs:
    - name: enable-admission-plugins
      value: NodeRestriction
""",
)


@live_rule(RULE)
def check_live(observation: Observation) -> Verdict:
    """Compare the requests that the registry received for the suite's probe pods with the policy of each pod.

    Each probe pod has a repository of its own. They run once for each container runtime.
    """
    if not observation.pulls:
        return Verdict.not_applicable(RULE.id, "no registry of the suite recorded the pulls of this cluster")
    return Verdict.of(RULE.id, [finding for pull in observation.pulls for finding in _findings(observation, pull)])


def _findings(observation: Observation, pull: ObservedPull) -> Iterator[Finding]:
    probe = pull.probe
    case = f"{probe.policy}, with the image {'on' if probe.present else 'not on'} the node"
    if pull.started is not probe.starts:
        outcome = "started" if pull.started else f"did not start ({pull.reason or 'no reason given'})"
        expected = "it starts" if probe.starts else "it does not start, with the reason ErrImageNeverPull"
        yield _finding(observation, f"start, {probe.name}", f"{case}: the container {outcome}", expected)
    if bool(pull.requests) is not probe.asks:
        requests = ", ".join(pull.requests) or "no request"
        expected = f"the registry receives {'a request for the manifest' if probe.asks else 'no request'}"
        yield _finding(observation, f"request, {probe.name}", f"{case}: the registry received {requests}", expected)


def _finding(observation: Observation, cause: str, found: str, expected: str) -> Finding:
    return RULE.finding(
        place(observation),
        found=f"{found}, under {observation.ran_under}",
        expected=expected,
        cause=f"{cause}, runtime {observation.cell.runtime}",  # without the version that `ran_under` has
    )
