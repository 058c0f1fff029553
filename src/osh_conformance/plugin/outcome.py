"""Turns a verdict into an outcome of pytest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from osh_conformance.model.finding import Status
from osh_conformance.plain import plain
from osh_conformance.report.messages import concise, messages

if TYPE_CHECKING:
    from osh_conformance.model.finding import Verdict


def explain(report: pytest.TestReport, verdict: Verdict) -> None:
    """Let the one-line forms of pytest (short summary, `--tb=line`, JUnit) name the place and the reason.

    Without it they name the line of this program that ended the test.
    """
    failing = [finding for finding in verdict.findings if finding.status is Status.FAIL]
    crash = getattr(report.longrepr, "reprcrash", None)
    if crash is None or not report.failed or not failing:
        return
    first = failing[0]
    more = f"; {len(failing) - 1} more" if len(failing) > 1 else ""
    crash.path = plain(first.path or first.chart)
    crash.lineno = first.line or 1
    crash.message = f"{concise(first)}{more}"


def place_skip(report: pytest.TestReport) -> None:
    """Let the summary of skipped tests name the test, not the line of this program that skipped it."""
    if report.skipped and isinstance(report.longrepr, tuple):
        _, _, reason = report.longrepr
        report.longrepr = (report.nodeid.partition("::")[0], (report.location[1] or 0) + 1, reason)


def hold(verdict: Verdict) -> None:
    """End the test by the verdict: fail with the findings as message, xfail, skip, or return."""
    if verdict.status is Status.FAIL:
        failing = [finding for finding in verdict.findings if finding.status is Status.FAIL]
        pytest.fail("\n\n".join(messages(failing)), pytrace=False)
    if verdict.status is Status.EXPECTED:
        pytest.xfail(plain(verdict.reason))
    if verdict.status in (Status.UNDECIDED, Status.NOT_APPLICABLE):
        pytest.skip(plain(f"{verdict.status}: {verdict.reason}"))
