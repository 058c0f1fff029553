"""The table of cells."""

from __future__ import annotations

from dataclasses import replace

from osh_conformance.model.event import ResultFound
from osh_conformance.model.finding import Status, Verdict
from osh_conformance.model.result import CellReport, Fates, RemovedData
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


def test_a_table_that_is_too_wide_becomes_a_few_lines_for_each_row() -> None:
    run = RunReport()
    rules = [(f"RULE-{number}", Status.PASS) for number in range(12)]
    for rule, status in (*rules, ("DROP-4", Status.FAIL)):
        run.handle(ResultFound.of("keystone", Verdict(rule=rule, status=status), cell="k", scenario="drop-enabled"))
    run.cells.append(replace(cell_report("k", "fail"), removed=(replace(_NOVA, scenario="drop-enabled"),)))
    lines = tables.cells(run, 80).splitlines()
    assert lines[0] == "keystone  mine  docker (built)  containerd/crun  4  drop-enabled  FAIL"
    assert lines[1].startswith("  DROP-4 FAIL, RULE-0 pass, ")
    assert "data dropped: database" in " ".join(line.strip() for line in lines)
    assert max(map(len, lines)) <= 80
    assert tables.cells(run, 500) == tables.cells(run)


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


_NOVA = RemovedData(
    scenario="on",
    release="nova",
    expected="dropped",
    databases=Fates(dropped=("nova", "nova_cell0", "nova_cell1")),
    accounts=Fates(dropped=("nova@%",)),
    tables=3,
    rows=9,
)


def _with_removals(*removed: RemovedData) -> str:
    run = RunReport()
    verdict = Verdict(rule="DROP-4", status=Status.PASS)
    run.handle(ResultFound.of("nova", verdict, cell="k", scenario="on"))
    run.cells.append(replace(cell_report("k", "pass"), removed=removed))
    head, row = tables.cells(run).splitlines()
    assert head.endswith("DROP-4  data")
    return row.partition("pass    ")[2].removeprefix("pass    ").strip()


def test_a_table_says_what_was_dropped_on_a_pass_too() -> None:
    text = "dropped: databases nova, nova_cell0, nova_cell1; account nova@% (3 tables, 9 rows)"
    assert _with_removals(_NOVA) == text
    kept = replace(_NOVA, expected="kept", databases=Fates(kept=("nova",)), accounts=Fates(), tables=0, rows=0)
    assert _with_removals(_NOVA, _NOVA, kept) == f"2 times {text}, then kept: database nova (no table)"


def test_a_table_says_what_was_left_and_what_was_gone_before() -> None:
    left = replace(_NOVA, databases=Fates(dropped=("nova",), left=("nova_cell0",), gone=("nova_cell1",)), rows=1)
    assert _with_removals(left) == (
        "dropped: database nova; account nova@%; left: database nova_cell0; gone before: database nova_cell1 "
        "(3 tables, 1 row)"
    )
    ours = replace(left, databases=Fates(left=("nova",)), accounts=Fates(), tables=0, rows=0, suite_tables=1)
    assert _with_removals(ours) == "left: database nova (no table but the suite's)"
    role = replace(ours, roles=Fates(left=("reader", "writer")))
    assert _with_removals(role) == "left: database nova; roles reader, writer (no table but the suite's)"
    nothing = replace(left, databases=Fates(), accounts=Fates())
    assert _with_removals(nothing) == "the release had no database and no account"


def test_cells_that_were_reduced_alike_share_a_line_below_the_table() -> None:
    run = RunReport()
    for name, kept in (("a-client", "1 of 2 stays on; "), ("b-client", "2 of 3 stay on; ")):
        run.cells.append(replace(cell_report(name, "pass"), reduced=f"reduced; {kept}the images are client's"))
    hint = "; `plan` and --json FILE say what else stayed on"
    assert tables.cells(run) == f"2 cells client: reduced; the images are client's{hint}"


def test_charts_that_are_left_out_for_one_reason_are_all_named() -> None:
    ends = "client-docker-default-helm4"
    (row,) = tables.left_out([(f"ceph-mon-{ends}", "no database"), (f"redis-{ends}", "no database")])
    assert row == [f"2 cells {ends}", "no database (ceph-mon, redis)"]


def test_cells_of_one_chart_that_are_left_out_are_counted() -> None:
    names = [f"keystone-{flavor}-oci-zstd-runc-helm4" for flavor in ("kolla", "loci")]
    (row,) = tables.left_out((name, "no registry") for name in names)
    assert row == ["2 cells keystone-oci-zstd-runc-helm4", "no registry (keystone-kolla, keystone-loci)"]


def test_cells_that_differ_in_their_end_are_counted() -> None:
    names = [f"keystone-kolla-docker-runc-helm{major}" for major in (3, 4)]
    (row,) = tables.left_out((name, "no registry") for name in names)
    assert row == ["2 cells keystone-kolla-docker-runc", "no registry"]
