"""REF-2: no reference without a tag or digest, none at :latest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.model.finding import Verdict
from osh_conformance.model.rule import Rule
from osh_conformance.reference import DEFAULT_TAG
from osh_conformance.rules.registry import static_rule
from osh_conformance.rules.shared.image_references import at_version, parsed

if TYPE_CHECKING:
    from osh_conformance.model.chart import RenderedChart

RULE = Rule(
    id="REF-2",
    title="no reference without a tag or digest, none at :latest",
    source="no default image reference should use :latest",
    why="the image of a moving tag changes, so an install tomorrow may run another program than one today",
    fix="give the reference the tag of one version, or a digest",
    blind=(
        "references in custom resources of operators, in variables such as RELATED_IMAGE_*, in arguments and "
        "scripts; what a digest or a tag stands for in its registry"
    ),
    before="images:\n  db_sync: docker.io/kolla/keystone\n",
    after="images:\n  db_sync: docker.io/kolla/keystone:18.0.1\n",
)


@static_rule(RULE)
def check(chart: RenderedChart) -> Verdict:
    """Check declared references, rendered ones, and those of values overrides. With a digest any tag is pinned."""
    findings = []
    for use, reference in parsed(chart):
        if reference.digest is not None or reference.tag not in (None, DEFAULT_TAG):
            continue
        remark = "no tag: Kubernetes reads it as :latest" if reference.tag is None else "the image that was pushed last"
        findings.append(
            RULE.finding(
                use.place(chart),
                found=use.described(remark),
                expected="a reference pinned to a version or a digest",
                fix=use.set_to(at_version(reference)),
                cause=use.cause,
            )
        )
    return Verdict.of(RULE.id, findings)
