"""Every output of a run in which each text is hostile: nothing of it is obeyed."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from osh_conformance.errors import SuiteError
from osh_conformance.model.chart import UnrenderedTemplate
from osh_conformance.model.event import CellFinished, NoteFound, ResultFound, RunFinished, RunStarted
from osh_conformance.model.finding import Finding, Severity, Status, Verdict
from osh_conformance.model.result import CellReport, ChartCoverage, Check
from osh_conformance.plugin.outcome import hold
from osh_conformance.progress import Progress
from osh_conformance.report.base import registered, write_error
from osh_conformance.report.result import RunReport
from osh_conformance.report.status_line import StatusLine
from osh_conformance.report.terminal import Form, show
from tests.unit.hostile_texts import HOSTILE, problems

_EACH = pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
_FIELDS = (
    *("chart", "found", "expected", "why", "fix", "path", "key", "workload", "container", "reproduce"),
    *("reason", "subject", "cause", "anchor"),
)
_FORMS: tuple[dict[str, bool], ...] = ({}, {"full": True}, {"concise": True}, {"statistics": True}, {"quiet": True})


def _finding(text: str, rule: str = "REF-2", status: Status = Status.FAIL, **more: Any) -> Finding:
    fields = {**dict.fromkeys(_FIELDS, text), **more}
    return Finding(rule=rule, status=status, severity=Severity.ERROR, containers=(text, f"{text} 2"), line=3, **fields)


def _run(text: str, *, many: bool) -> RunReport:
    run = RunReport()
    run.handle(RunStarted(target={"verb": "check", "paths": [text]}, charts=3, left_out=text))
    findings = [_finding(text), _finding(text, key=f"{text}2"), _finding(text, status=Status.EXPECTED, cause="known")]
    findings += [_finding(text, cause=f"{text}{number}") for number in range(40 if many else 0)]
    run.handle(ResultFound.of(text, Verdict.of("REF-2", findings)))
    unrendered = UnrenderedTemplate(template=f"templates/{text}", guard=text)
    coverage = ChartCoverage(chart=text, containers=1, templates=1, never_rendered=(unrendered,), notices=(text,))
    run.handle(
        ResultFound(check=Check(chart=text, rule="KEY-1", status=Status.UNDECIDED, reason=text), coverage=coverage)
    )
    run.handle(ResultFound.of(text, Verdict.not_applicable("KEY-2", text)))
    run.handle(ResultFound.broken(text, "KEY-3", SuiteError(text, expected=text, fix=text, details=text)))
    run.handle(NoteFound(note=_finding(text, status=Status.WARNING)))
    cell = CellReport(
        id=text,
        chart=text,
        flavor=text,
        origin=text,
        packaging_format=text,
        runtime=text,
        helm_major=4,
        status="error",
        reason=text,
        reduced=text,
    )
    run.handle(CellFinished(cell=cell))
    live = Verdict(rule="DROP-4", status=Status.PASS)
    run.handle(ResultFound.of(text, live, cell=text, scenario=text))
    run.handle(RunFinished(seconds=1.0))
    return run


@_EACH
@pytest.mark.parametrize("many", [False, True], ids=["few", "many"])
@pytest.mark.parametrize("form", _FORMS, ids=lambda form: next(iter(form), "default"))
def test_the_terminal_obeys_no_text_of_a_chart(text: str, many: bool, form: dict[str, bool]) -> None:  # noqa: FBT001
    stream = io.StringIO()
    show(_run(text, many=many), stream, Form(**form))
    assert stream.getvalue()
    assert problems(stream.getvalue()) == []


@_EACH
@pytest.mark.parametrize("option", registered())
def test_a_report_has_no_control_character(text: str, option: str) -> None:
    written = registered()[option](Path("unused")).text(_run(text, many=False))
    assert not [sign for sign in written if sign != "\n" and (ord(sign) < 32 or 127 <= ord(sign) < 160)]


@_EACH
def test_the_file_of_a_run_that_broke_obeys_nothing(text: str, tmp_path: Path) -> None:
    junit, document = tmp_path / "r.xml", tmp_path / "r.json"
    reporters = [registered()["junit"](junit), registered()["json"](document)]
    write_error(reporters, "check", SuiteError(text or "x", expected=text, fix=text, details=text))
    assert problems(junit.read_text()) == []
    assert json.loads(document.read_text())["findings"][0]["found"] == text


@_EACH
@pytest.mark.parametrize("status", [Status.FAIL, Status.EXPECTED, Status.UNDECIDED])
def test_pytest_gets_harmless_texts(text: str, status: Status) -> None:
    verdict = Verdict(rule="REF-2", status=status, findings=(_finding(text),), reason=text)
    with pytest.raises((pytest.fail.Exception, pytest.xfail.Exception, pytest.skip.Exception)) as caught:
        hold(verdict)
    assert problems(str(caught.value)) == []


@_EACH
def test_progress_obeys_nothing(text: str) -> None:
    stream = io.StringIO()
    progress = Progress(stream)
    with progress.step(text):
        progress.say(text)
    with StatusLine(lambda: text, stream, after=0.0):
        while text.split("\n", maxsplit=1)[0][:1] and stream.getvalue().count("  ..   ") < 2:
            pass
    assert problems(stream.getvalue()) == []
