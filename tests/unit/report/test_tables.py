"""The table of cells."""

from __future__ import annotations

from osh_conformance.model.event import ResultFound
from osh_conformance.model.finding import Status, Verdict
from osh_conformance.model.result import CellReport
from osh_conformance.report import tables
from osh_conformance.report.result import RunReport


def cell_report(name: str, status: str, reason: str = "") -> CellReport:
    return CellReport(
        id=name,
        chart="keystone",
        flavor="mine",
        origin="built",
        packaging_format="docker",
        runtime="containerd/crun",
        helm_major=4,
        status=status,
        reason=reason,
    )


def test_the_table_has_a_line_for_each_scenario_and_a_column_for_each_rule() -> None:
    run = RunReport()
    for scenario, rule, status in (("off", "PP-1", Status.PASS), ("on", "DROP-4", Status.FAIL)):
        run.handle(ResultFound.of("keystone", Verdict(rule=rule, status=status), cell="k", scenario=scenario))
    run.cells.append(cell_report("k", "fail"))
    assert tables.cells(run).splitlines() == [
        "chart     flavor  images          runtime          helm  scenario  cell  DROP-4  PP-1",
        "keystone  mine    docker (built)  containerd/crun  4     off       pass  -       pass",
        "keystone  mine    docker (built)  containerd/crun  4     on        FAIL  FAIL    -",
    ]


def test_a_cell_that_is_not_in_the_table_has_its_reason_below_it() -> None:
    run = RunReport()
    verdict = Verdict(rule="PP-1", status=Status.ERROR, reason="no network")
    run.handle(ResultFound.of("keystone", verdict, cell="e", scenario="on"))
    run.cells += [cell_report("e", "error", "no network"), cell_report("s", "skipped", "needs CRI-O")]
    head, row, *below = tables.cells(run).splitlines()
    assert (head.split()[-1], row.split()[-1]) == ("PP-1", "ERROR")
    assert [line.split(maxsplit=2) for line in below if line] == [
        ["ERROR", "e", "no network"],
        ["skipped", "s", "needs CRI-O"],
    ]


def test_a_run_without_cells_has_no_table() -> None:
    assert tables.cells(RunReport()) == ""
