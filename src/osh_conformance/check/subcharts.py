"""Merges the verdicts on subcharts into those on the chart that brings them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from osh_conformance.model.finding import Status, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Of several statuses the first one here is that of all.
_STRONGEST = (Status.FAIL, Status.UNDECIDED, Status.PASS, Status.NOT_APPLICABLE)


def with_subchart(
    verdicts: Mapping[str, Verdict], more: Mapping[str, Verdict], subchart: str, chart: str
) -> dict[str, Verdict]:
    """Return the verdicts on `chart`, with those on one of its subcharts in them.

    Findings are those of both. A rule that is undecided on one of the two is so on both, unless one of them fails: what
    was not looked at must not pass. A rule that broke on the chart has no verdict.
    """
    return {rule: _merged(verdict, more[rule], subchart, chart) for rule, verdict in verdicts.items()}


def _merged(own: Verdict, other: Verdict, subchart: str, chart: str) -> Verdict:
    # A chart that is brought twice, under two aliases, has each fault once.
    mine, others = (*own.findings, *own.dormant), (*other.findings, *other.dormant)
    more = (replace(finding, chart=chart) for finding in others)
    findings = (*mine, *(finding for finding in more if finding not in mine))
    status = next(status for status in _STRONGEST if status in {own.status, other.status})
    if other.reason and subchart not in other.reason:
        other = replace(other, reason=f"in the subchart {subchart}: {other.reason}")
    if status is Status.NOT_APPLICABLE:
        return own
    reasons = [verdict.reason for verdict in (own, other) if verdict.reason and verdict.status is status]
    return replace(Verdict.of(own.rule, findings), status=status, reason="; ".join(dict.fromkeys(reasons)))
