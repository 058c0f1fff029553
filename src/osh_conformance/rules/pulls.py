"""Pull policies as the node obeys them: the registry's log is the witness."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.model.finding import Verdict
from osh_conformance.model.rule import Rule
from osh_conformance.rules._live import finding
from osh_conformance.rules.registry import live_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from osh_conformance.model.finding import Finding
    from osh_conformance.model.observation import Observation, ObservedPull

PP_3 = Rule(
    id="PP-3",
    title="the pull policy is obeyed: Never asks nobody, IfNotPresent asks once, Always asks at each start",
    source="Kubernetes: Images, imagePullPolicy",
    why="a policy that the node overrides pulls where the operator forbade it, or runs a stale image",
    example="an admission plugin that sets Always on every container",
    fix="remove what overrides imagePullPolicy on the cluster (AlwaysPullImages, a mutating policy)",
)


@live_rule(PP_3)
def obeyed_policy(observation: Observation) -> Verdict:
    """Judge PP-3 by pods of the suite's own, each with a repository of its own, once for each container runtime."""
    if not observation.pulls:
        return Verdict.not_applicable(PP_3.id, "no registry of the suite's own saw the pulls of this cluster")
    return Verdict.of(PP_3.id, [found for pull in observation.pulls for found in _judged(observation, pull)])


def _judged(observation: Observation, pull: ObservedPull) -> Iterator[Finding]:
    probe = pull.probe
    where = f"{probe.policy}, with the image {'on' if probe.present else 'not on'} the node"
    asked = ", ".join(pull.requests) or "nothing"
    if pull.started is not probe.starts:
        did = "started" if pull.started else f"did not start ({pull.reason or 'no reason given'})"
        should = "it starts" if probe.starts else "it does not start, and says ErrImageNeverPull"
        yield _finding(observation, f"{where}: the container {did}", should)
    if bool(pull.requests) is not probe.asks:
        should = "the registry is asked for the manifest" if probe.asks else "the registry is asked for nothing"
        yield _finding(observation, f"{where}: the registry was asked for {asked}", should)


def _finding(observation: Observation, found: str, expected: str) -> Finding:
    return finding(
        observation,
        PP_3.id,
        found=f"{found}, under {observation.node_runtime}",
        expected=expected,
        why=PP_3.why,
        fix=PP_3.fix,
    )
