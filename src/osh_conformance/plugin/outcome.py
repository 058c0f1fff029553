"""Turns a verdict into an outcome of pytest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from osh_conformance.model.finding import Status
from osh_conformance.report.messages import messages
from osh_conformance.report.plain import plain

if TYPE_CHECKING:
    from osh_conformance.model.finding import Verdict


def hold(verdict: Verdict) -> None:
    """End the test by the verdict: fail with the findings as message, xfail, skip, or return."""
    if verdict.status is Status.FAIL:
        failing = [finding for finding in verdict.findings if finding.status is Status.FAIL]
        pytest.fail("\n\n".join(messages(failing)), pytrace=False)
    if verdict.status is Status.EXPECTED:
        pytest.xfail(plain(verdict.reason))
    if verdict.status in (Status.UNDECIDED, Status.NOT_APPLICABLE):
        pytest.skip(plain(f"{verdict.status}: {verdict.reason}"))
