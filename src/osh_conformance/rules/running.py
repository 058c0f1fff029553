"""What really ran, against what the chart declares: image, pull policy, digest; and what the image lacked for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.model.chart import PULL_POLICIES
from osh_conformance.model.finding import Status, Verdict
from osh_conformance.model.observation import lacks_program, not_started
from osh_conformance.rules._live import finding, key_of
from osh_conformance.rules.images import KEY_1
from osh_conformance.rules.pull_policy import PP_1
from osh_conformance.rules.registry import live_rule
from osh_conformance.rules.scripts import SCRIPT_1

if TYPE_CHECKING:
    from osh_conformance.model.observation import Observation, ObservedContainer

#: What a POSIX shell exits with where a program cannot be run, or is not there.
_CANNOT_RUN, _NOT_FOUND = 126, 127


@live_rule(KEY_1)
def overridden_image(observation: Observation) -> Verdict:
    """Judge KEY-1 on the cluster: every container runs the reference that the images section gives its key."""
    declared = observation.declared
    known = {(c.workload, c.name) for c in declared.containers}
    findings = []
    for container in observation.containers:
        key = key_of(observation, container)
        wanted = declared.images.get(key)
        if (container.workload, container.name) not in known and container.image in declared.images.values():
            continue  # a workload with another name in each rendering: which key it has cannot be told here
        if wanted is None:
            expected = f"an image from the images section (keys: {', '.join(sorted(declared.images))})"
        elif container.image != wanted:
            expected = f"{wanted} (images key {key})"
        else:
            continue
        findings.append(
            finding(
                observation,
                KEY_1.id,
                container=container,
                key=key,
                found=f"runs {container.image}",
                expected=expected,
                why=KEY_1.why,
                fix="take the container's image from a key of the images section",
            )
        )
    return Verdict.of(KEY_1.id, findings)


@live_rule(PP_1)
def pull_policy(observation: Observation) -> Verdict:
    """Judge PP-1 on the cluster: the one declared policy is on every container of every pod."""
    policy = observation.declared.policy
    if policy not in PULL_POLICIES:
        return Verdict(rule=PP_1.id, status=Status.NOT_APPLICABLE, reason="the chart declares no valid pull policy")
    findings = [
        finding(
            observation,
            PP_1.id,
            container=container,
            found=f"imagePullPolicy {container.pull_policy}",
            expected=f"imagePullPolicy {policy}, as declared",
            why=PP_1.why,
            fix="set imagePullPolicy of this container from the declared pull_policy",
        )
        for container in observation.containers
        if container.pull_policy != policy
    ]
    return Verdict.of(PP_1.id, findings)


@live_rule(SCRIPT_1)
def found_programs(observation: Observation) -> Verdict:
    """Judge SCRIPT-1 on the cluster: no container ended because its image lacks a program or a path.

    The container could not be started for that reason, or a shell in it ended with 126 or 127.
    """
    if not observation.containers:
        return Verdict.undecided(SCRIPT_1.id, "no container was seen")
    # Pods of one Job fail in one way.
    lacking = {c.label: c for c in observation.containers if _lacks_a_program(c)}
    findings = [
        finding(
            observation,
            SCRIPT_1.id,
            container=container,
            key=key_of(observation, container),
            found=f"in flavor {observation.cell.flavor}: {_how_it_ended(container)}",
            expected="what the container runs is in every image: /bin/sh, python3, and the service's own programs",
            why=SCRIPT_1.why,
            fix="use what every image has, by its name and not by its place in one of them",
        )
        for container in lacking.values()
    ]
    return Verdict.of(SCRIPT_1.id, findings)


def _lacks_a_program(container: ObservedContainer) -> bool:
    reasons = (container.reason, container.last_reason)
    if any(map(not_started, reasons)):
        return any(lacks_program(reason, container.message) for reason in reasons)
    return container.last_exit_code in (_CANNOT_RUN, _NOT_FOUND)


def _how_it_ended(container: ObservedContainer) -> str:
    said = " ".join(container.message.split()) or "it said nothing"
    never = any(map(not_started, (container.reason, container.last_reason)))
    how = "it cannot be started" if never else f"exit code {container.last_exit_code}"
    return f"{how} ({said})"
