"""Assertions on the verdict of a live rule."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from osh_conformance.model.finding import Status
from osh_conformance.rules import registry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from osh_conformance.model.finding import Finding, Verdict
    from osh_conformance.model.observation import Observation


def verdict_of(rule: str, seen: Observation) -> Verdict:
    return registry.live_rules()[rule](seen)


def assert_fails(rule: str, seen: Observation, *texts: str, key: str = "db_drop") -> Sequence[Finding]:
    """Assert that a rule fails with one complete finding for each text, in that order, and return the findings."""
    verdict = verdict_of(rule, seen)
    assert verdict.status is Status.FAIL
    return _assert_findings(verdict, Status.FAIL, texts, key)


def assert_warns(rule: str, seen: Observation, *texts: str, key: str = "db_drop") -> Sequence[Finding]:
    """Assert that a rule passes, with one complete warning for each text, in that order, and return the warnings."""
    verdict = verdict_of(rule, seen)
    assert verdict.status is Status.PASS
    return _assert_findings(verdict, Status.WARNING, texts, key)


def assert_passes(rule: str, seen: Observation) -> None:
    """Assert that a rule passes without a warning."""
    verdict = verdict_of(rule, seen)
    assert (verdict.status, verdict.findings) == (Status.PASS, ())


def assert_undecided(rule: str, seen: Observation, reason: str) -> None:
    _assert_unchecked(rule, seen, Status.UNDECIDED, reason)


def assert_not_applicable(rule: str, seen: Observation, reason: str) -> None:
    _assert_unchecked(rule, seen, Status.NOT_APPLICABLE, reason)


def _assert_unchecked(rule: str, seen: Observation, status: Status, reason: str) -> None:
    verdict = verdict_of(rule, seen)
    assert (verdict.status, verdict.findings) == (status, ())
    assert reason in verdict.reason


def _assert_findings(verdict: Verdict, status: Status, texts: tuple[str, ...], key: str) -> Sequence[Finding]:
    assert len(verdict.findings) == len(texts), [finding.found for finding in verdict.findings]
    for finding, text in zip(verdict.findings, texts, strict=True):
        assert text in finding.found
        assert (finding.rule, finding.chart, finding.key) == (verdict.rule, "keystone", key)
        assert finding.status is status
        assert re.fullmatch(r".+(?<!\))", finding.cause), "a number in parentheses says that another cause is the same"
        assert finding.expected
        assert finding.why
        assert finding.fix
    return verdict.findings
