"""What really ran, against what the chart declares: image, pull policy, digest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.model.chart import PULL_POLICIES
from osh_conformance.model.finding import Status, Verdict
from osh_conformance.rules._live import finding, key_of

if TYPE_CHECKING:
    from osh_conformance.model.observation import Observation


def overridden_image(observation: Observation) -> Verdict:
    """KEY-1 on the cluster: every container runs the reference that the images section gives its key."""
    declared = observation.declared
    findings = []
    for container in observation.containers:
        key = key_of(observation, container)
        wanted = declared.images.get(key)
        if wanted is None:
            expected = f"an image from the images section (keys: {', '.join(sorted(declared.images))})"
        elif container.image != wanted:
            expected = f"{wanted} (images key {key})"
        else:
            continue
        findings.append(
            finding(
                observation,
                "KEY-1",
                container=container,
                key=key,
                found=f"runs {container.image}",
                expected=expected,
                why="an operator overrides images in one place; this container would keep its own",
                fix="take the container's image from a key of the images section",
            )
        )
    return Verdict.of("KEY-1", findings)


def pull_policy(observation: Observation) -> Verdict:
    """PP-1 on the cluster: the one declared policy is on every container of every pod."""
    policy = observation.declared.policy
    if policy not in PULL_POLICIES:
        return Verdict(rule="PP-1", status=Status.NOT_APPLICABLE, reason="the chart declares no valid pull policy")
    findings = [
        finding(
            observation,
            "PP-1",
            container=container,
            key=key_of(observation, container),
            found=f"imagePullPolicy {container.pull_policy}",
            expected=f"imagePullPolicy {policy}, as declared",
            why="an operator who sets one policy must be able to trust that all containers use it",
            fix="set imagePullPolicy of this container from the declared pull_policy",
        )
        for container in observation.containers
        if container.pull_policy != policy
    ]
    return Verdict.of("PP-1", findings)


def pinned_image(observation: Observation) -> Verdict:
    """PIN-1: the digest that runs is the one that the reference resolves to."""
    digests = {image.reference: image.digests for image in observation.images}
    if not any(digests.values()):
        return Verdict(rule="PIN-1", status=Status.NOT_APPLICABLE, reason="no registry here says what a reference is")
    started = [c for c in observation.containers if c.ran and digests.get(c.image)]
    if not started:
        return Verdict(rule="PIN-1", status=Status.UNDECIDED, reason="no container of the images section was started")
    findings = [
        finding(
            observation,
            "PIN-1",
            container=container,
            key=key_of(observation, container),
            found=f"{container.image} runs as {container.image_id or 'an image without id'}",
            expected=" or ".join(digests[container.image]),
            why="a pin is worth nothing if another image runs under it",
            fix="pin by digest, and look for an image of the same name that was put on the node by hand",
        )
        for container in started
        if container.image_id.rpartition("@")[2] not in digests[container.image]
    ]
    return Verdict.of("PIN-1", findings)
