"""REF-3: every tag is a version, a date or a commit, none that moves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.model.finding import Verdict
from osh_conformance.model.rule import Rule
from osh_conformance.reference import DEFAULT_TAG
from osh_conformance.rules.registry import static_rule
from osh_conformance.rules.shared.image_references import at_version, with_own_tag
from osh_conformance.rules.shared.tags import Hold, grade

if TYPE_CHECKING:
    from osh_conformance.model.chart import RenderedChart

RULE = Rule(
    id="REF-3",
    title="every tag is a version, a date or a commit, none that moves",
    source="pinned to a specific version to ensure consistent behavior for deployments over time",
    why="a tag that is built again and again is :latest under another name",
    fix="use a tag that is built once, or add the digest",
    blind=(
        "whether a tag has ever moved: no registry is asked, the tag's form decides; references in custom "
        "resources of operators, in variables such as RELATED_IMAGE_*, in arguments and scripts"
    ),
    before="images:\n  db_sync: quay.io/airshipit/keystone:2026.1-ubuntu_noble\n",
    after="images:\n  db_sync: quay.io/airshipit/keystone:2026.1-ubuntu_noble-20260401\n",
)


@static_rule(RULE)
def check(chart: RenderedChart) -> Verdict:
    """Check each tag: one that moves fails, one that is unclear is a warning.

    A date, a commit id or a version of two parts pins, and a digest always does. Words such as `latest` or `master`
    move, and so does a release series (`2026.1-ubuntu_noble`). A single number, a distribution alone and an unknown
    word are unclear; a revision (`12-debian-12-r50`) pins. The words are data: `data/vocabulary/tags.yaml`. REF-2
    reports `:latest`.
    """
    findings = []
    for use, reference in with_own_tag(chart):
        if reference.digest is not None or reference.tag in (None, DEFAULT_TAG):
            continue
        graded = grade(str(reference.tag))
        if graded.hold is not Hold.PINNED:
            findings.append(
                RULE.finding(
                    use.place(chart),
                    found=use.described(graded.reason),
                    expected="a tag that is built once (a version, a date, a commit), or a digest",
                    fix=use.set_to(at_version(reference) + ", or its digest"),
                    cause=use.cause,
                    warning=graded.hold is Hold.UNCLEAR,
                )
            )
    return Verdict.of(RULE.id, findings)
