"""The result of a run: its exit code, its counts and its JSON document."""

from __future__ import annotations

import json

import jsonschema
import pytest

from osh_conformance.errors import SuiteError
from osh_conformance.loading.search import data_folder
from osh_conformance.model.event import ClusterOpened, ResultFound, RunFinished
from osh_conformance.model.finding import Finding, Severity, Status, Verdict
from osh_conformance.model.result import CellReport, Fates, RemovedData
from osh_conformance.report import json_document
from osh_conformance.report.messages import message
from osh_conformance.report.result import RunReport
from osh_conformance.report.summary import summary


def _finding(status: Status = Status.FAIL, **more: object) -> Finding:
    plain = Finding(rule="REF-2", chart="a", status=status, found="f", expected="e", why="w", fix="x")
    return Finding(**{name: getattr(plain, name) for name in plain.__slots__} | more)


def _run(*statuses: Status) -> RunReport:
    run = RunReport(charts=1)
    for status in statuses:
        run.handle(ResultFound.of("a", Verdict(rule="REF-2", status=status)))
    return run


@pytest.mark.parametrize(
    ("statuses", "code"),
    [
        ((Status.PASS,), 0),
        ((Status.EXPECTED, Status.UNDECIDED), 0),
        ((Status.PASS, Status.FAIL), 1),
        ((Status.FAIL, Status.ERROR), 1),
        ((Status.PASS, Status.ERROR), 3),
        ((Status.NOT_APPLICABLE, Status.UNDECIDED), 5),
        ((), 5),
    ],
)
def test_the_exit_code_follows_from_the_outcomes(statuses: tuple[Status, ...], code: int) -> None:
    assert _run(*statuses).exit_code == code


def test_an_interrupted_run_exits_with_2() -> None:
    run = _run(Status.FAIL)
    run.handle(RunFinished(seconds=1.0, interrupted=True))
    assert run.exit_code == 2


def test_an_error_is_printed_once_and_counted_for_each_rule() -> None:
    run = RunReport(charts=1)
    for rule in ("REF-1", "REF-2"):
        run.handle(ResultFound.broken("a", rule, SuiteError("does not render")))
    assert len(run.findings) == 1
    assert run.count(Status.ERROR) == 2


def test_a_fingerprint_survives_a_moved_line_and_another_text_and_nothing_else() -> None:
    assert _finding(line=3).id == _finding(line=9).id
    assert _finding(path="x", workload="Job/a-1f").id == _finding(path="x", workload="Job/a-2e").id
    assert _finding(workload="Job/a").id != _finding(workload="Job/b").id
    assert _finding(found="g").id == _finding().id
    assert _finding(cause="g").id != _finding().id


def test_a_live_run_fits_the_schema() -> None:
    run = _run(Status.PASS)
    run.cells.append(
        CellReport(
            id="a-shipped",
            chart="a",
            flavor="shipped",
            origin="built",
            packaging_format="oci",
            runtime="containerd/runc",
            helm_major=4,
            status="fail",
            seconds=1.5,
            reduced="reduced: 1 of 3 switches stays on",
            images=("docker.io/x/a:1",),
            switch="manifests.job_db_drop",
            removed=(
                RemovedData(
                    scenario="drop-enabled",
                    release="a",
                    expected="dropped",
                    databases=Fates(left=("a",)),
                    log={"a-db-drop-1 db-drop": "no server"},
                    code=1,
                    seconds=2.5,
                    output="Error: 1 error occurred",
                    repeated_failure="no server",
                    with_image="it drops nothing",
                ),
            ),
        )
    )
    verdict = Verdict.of("DROP-4", [_finding(rule="DROP-4", line=1)])
    run.handle(ResultFound.of("a", verdict, cell="a-shipped", scenario="drop-enabled", seconds=2.0))
    run.handle(ClusterOpened(kubernetes="v1.36.1", versions={"helm 4": "v4.0.1"}))
    run.handle(RunFinished(seconds=1.0))
    built = json_document.build(run)
    jsonschema.validate(built, json.loads(data_folder("report.schema.json").read_text()))
    assert built["tool"]["kubernetes"] == "v1.36.1"
    assert built["tool"]["versions"] == {"helm 4": "v4.0.1"}
    (cell,) = built["cells"]
    assert cell["reduced"] == "reduced: 1 of 3 switches stays on"
    assert (cell["images"], cell["switch"]) == (["docker.io/x/a:1"], "manifests.job_db_drop")
    assert cell["removed"] == [
        {
            "scenario": "drop-enabled",
            "release": "a",
            "expected": "dropped",
            "databases": {"dropped": [], "kept": [], "left": ["a"], "gone": []},
            "accounts": {"dropped": [], "kept": [], "left": [], "gone": []},
            "roles": {"dropped": [], "kept": [], "left": [], "gone": []},
            "tables": 0,
            "rows": 0,
            "suite_tables": 0,
            "log": {"a-db-drop-1 db-drop": "no server"},
            "code": 1,
            "seconds": 2.5,
            "output": "Error: 1 error occurred",
            "repeated_failure": "no server",
            "with_image": "it drops nothing",
        }
    ]
    assert cell["assertions"] == [
        {"rule": "DROP-4", "scenario": "drop-enabled", "status": "fail", "seconds": 2.0, "message": "f"}
    ]


def test_a_warning_is_counted_beside_the_checks() -> None:
    run = RunReport(charts=1)
    run.handle(ResultFound.of("a", Verdict.of("REF-1", [_finding(Status.WARNING, severity=Severity.WARNING)])))
    assert summary(run) == "1 finding: 1 warn\n1 chart, 1 check: 1 passed"


def test_a_long_list_of_containers_is_cut() -> None:
    shown = message(_finding(key="images.api", containers=tuple(f"Job/{n} c" for n in range(6))))
    assert "reaches    Job/0 c, Job/1 c, Job/2 c, Job/3 c and 2 more" in shown
