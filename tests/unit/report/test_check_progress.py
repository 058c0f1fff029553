"""The progress of a static run is true to its end."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from osh_conformance.model.event import ResultFound, RunStarted
from osh_conformance.model.finding import Verdict
from osh_conformance.report.check_progress import CheckProgress
from osh_conformance.report.result import RunReport

if TYPE_CHECKING:
    import pytest

_RULES = ("REF-1", "REF-2", "REF-3", "REF-4")


def _begun(charts: int) -> tuple[CheckProgress, RunReport]:
    progress, report = CheckProgress(), RunReport()
    assert progress.text() == "find the charts"
    report.handle(RunStarted(charts=charts))
    progress.begin(report, len(_RULES))
    return progress, report


def test_all_charts_are_done_only_when_all_checks_are(monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.monotonic()
    progress, report = _begun(2)
    assert progress.text() == "check: 0 of 2 charts, 0 of 8 checks"
    # As pytest does: each rule on all charts.
    texts = []
    for number, (rule, chart) in enumerate(((rule, chart) for rule in _RULES for chart in "ab"), start=1):
        report.handle(ResultFound.of(chart, Verdict.of(rule, [])))
        monkeypatch.setattr(time, "monotonic", lambda number=number: now + 10 * number)
        texts.append(progress.text())
    assert texts[1].startswith("check: 2 of 2 charts, 2 of 8 checks, about 6")
    assert texts[5].startswith("check: 2 of 2 charts, 6 of 8 checks, about 2")
    assert texts[7] == "check: 2 of 2 charts, 8 of 8 checks"
    progress.end("write the report")
    assert progress.text() == "write the report"


def test_the_time_left_is_told_once_something_is_known() -> None:
    progress, report = _begun(100)
    report.handle(ResultFound.of("a", Verdict.of("REF-1", [])))
    assert "left" not in progress.text()


def test_a_run_without_charts_has_no_count() -> None:
    progress, _ = _begun(0)
    assert progress.text() == "check"
