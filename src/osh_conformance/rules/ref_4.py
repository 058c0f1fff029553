"""REF-4: every image reference parses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.model.finding import Verdict
from osh_conformance.model.rule import Rule
from osh_conformance.reference import InvalidReferenceError, parse
from osh_conformance.rules.registry import static_rule
from osh_conformance.rules.shared.image_references import uses

if TYPE_CHECKING:
    from osh_conformance.model.chart import RenderedChart

RULE = Rule(
    id="REF-4",
    title="every reference parses",
    source="the grammar of OCI image references (distribution/reference)",
    why="no container runtime can pull an invalid reference; pods stay in InvalidImageName",
    fix="write host/repository:tag, the repository in lower case",
    before="images:\n  db_sync: docker.io/Kolla/keystone:18.0.1\n",
    after="images:\n  db_sync: docker.io/kolla/keystone:18.0.1\n",
)


@static_rule(RULE)
def check(chart: RenderedChart) -> Verdict:
    """Check declared references, rendered ones, and those of values overrides.

    No other rule reports a reference that does not parse.
    """
    findings = []
    for use in uses(chart):
        try:
            parse(use.text)
        except InvalidReferenceError as error:
            findings.append(
                RULE.finding(
                    use.place(chart),
                    found=f"{error}; also {', '.join(use.more)}" if use.more else str(error),
                    expected="host/repository:tag, the repository in lower case",
                    fix=use.set_to("<host>/<repository>:<version>"),
                    cause=use.cause,
                )
            )
    return Verdict.of(RULE.id, findings)
