"""REF-1: every image reference names its registry host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.model.finding import Verdict
from osh_conformance.model.rule import Rule
from osh_conformance.rules.registry import static_rule
from osh_conformance.rules.shared.image_references import in_full, parsed

if TYPE_CHECKING:
    from osh_conformance.model.chart import RenderedChart

RULE = Rule(
    id="REF-1",
    title="every reference names its registry host",
    source="all images are fully spelled out, even those hosted by Docker or Quay",
    why="each runtime completes a reference without a host in its own way, so machines may pull different images",
    fix="write the registry host and the namespace in front of the image's name",
    blind=(
        "references outside of containers, images sections and values overrides: in custom resources of "
        "operators, in variables such as RELATED_IMAGE_*, in arguments and scripts; whether a registry has "
        "the image"
    ),
    before="images:\n  db_sync: kolla/keystone:18.0.1\n",
    after="images:\n  db_sync: docker.io/kolla/keystone:18.0.1\n",
)


@static_rule(RULE)
def check(chart: RenderedChart) -> Verdict:
    """Check declared references, rendered ones, and those of values overrides.

    A reference without a host fails. One on docker.io without a namespace is a warning.
    """
    findings = []
    for use, reference in parsed(chart):
        if not reference.explicit_domain:
            findings.append(
                RULE.finding(
                    use.place(chart),
                    found=use.described(f"no registry host: Docker reads it as {reference.canonical}"),
                    expected="a reference that begins with its registry host",
                    fix=use.set_to(in_full(reference)),
                    cause=use.cause,
                )
            )
        elif not reference.explicit_namespace:
            findings.append(
                RULE.finding(
                    use.place(chart),
                    found=use.described(f"no namespace: {reference.domain} reads it as {reference.path}"),
                    expected="a reference that names its namespace",
                    why="only docker.io adds a namespace by itself; a mirror of it does not",
                    fix=use.set_to(in_full(reference)),
                    cause=use.cause,
                    warning=True,
                )
            )
    return Verdict.of(RULE.id, findings)
