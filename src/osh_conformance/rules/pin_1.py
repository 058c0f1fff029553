"""PIN-1: the running image is the pinned image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.model.finding import Verdict
from osh_conformance.model.rule import Rule
from osh_conformance.rules.registry import live_rule
from osh_conformance.rules.shared.live import image_key, place

if TYPE_CHECKING:
    from osh_conformance.model.observation import Observation

RULE = Rule(
    id="PIN-1",
    title="each container runs the image that its reference is pinned to",
    source="pinned to a specific version to ensure consistent behavior for deployments over time",
    why="a pin has no effect if another image runs under its reference",
    fix="pin by digest, and remove images of the same name that were loaded onto the node by hand",
    blind=(
        "what is inside of an image; containers that ended before they were seen; references for which no "
        "registry gives a digest"
    ),
    before="""\
images:
  tags:
    db_sync: docker.io/openstackhelm/keystone:2024.1-ubuntu_jammy
""",
    after=f"""\
images:
  tags:
    db_sync: docker.io/openstackhelm/keystone:2024.1-ubuntu_jammy@sha256:{"0123456789abcdef" * 4}
""",
)


@live_rule(RULE)
def check_live(observation: Observation) -> Verdict:
    """Compare the digest of each running container with the digests that the registry gives for its reference.

    It is not applicable if no registry gave a digest.
    """
    digests = {image.reference: image.digests for image in observation.images}
    if not any(digests.values()):
        return Verdict.not_applicable(RULE.id, "no registry gave the digest of a reference")
    started = [c for c in observation.containers if c.ran and digests.get(c.image)]
    if not started:
        return Verdict.undecided(RULE.id, "no container with an image of the images section was started")
    findings = [
        RULE.finding(
            place(observation, container, key=image_key(observation, container)),
            found=f"{container.image} runs as {container.image_id or 'an image without id'}",
            expected=" or ".join(digests[container.image]),
        )
        for container in started
        if container.image_id.rpartition("@")[2] not in digests[container.image]
    ]
    return Verdict.of(RULE.id, findings)
