"""The report on a terminal, word by word: the texts of its findings are the tests' own."""

from __future__ import annotations

import io
import os
import re
import textwrap
import time
from dataclasses import replace
from pathlib import Path

import pytest

from osh_conformance.errors import SuiteError
from osh_conformance.model.event import CellFinished, ClusterOpened, ResultFound, RunFinished
from osh_conformance.model.finding import Finding, Severity, Status, Verdict
from osh_conformance.model.result import CellReport
from osh_conformance.report.result import RunReport
from osh_conformance.report.status_line import StatusLine
from osh_conformance.report.terminal import Form, show

_FAIL = Finding(
    rule="REF-2",
    chart="keystone",
    path="keystone/values.yaml",
    folder="keystone/",
    line=14,
    key="images.tags.db_sync",
    containers=("Job/keystone-db-sync keystone-db-sync",),
    found="docker.io/kolla/keystone  (no tag: Kubernetes reads it as :latest)",
    expected="a reference pinned to a version or a digest",
    why="a moving tag gives tomorrow's install another program than today's",
    fix="images.tags.db_sync: docker.io/kolla/keystone:<version>",
    reproduce="osh-conformance check charts/keystone --select REF-2",
)


#: What the output looked like when somebody last read it.
_SNAPSHOTS = Path(__file__).with_name("snapshots")


def _hold(name: str, text: str) -> None:
    """Compare with a snapshot; with the variable WRITE_SNAPSHOTS write it, to be read before it is committed."""
    file = _SNAPSHOTS / f"{name}.txt"
    if "WRITE_SNAPSHOTS" in os.environ:
        file.write_text(text)
    assert text == file.read_text()


def _shown(run: RunReport, **form: bool) -> str:
    stream = io.StringIO()
    run.handle(RunFinished(seconds=0.1))
    show(run, stream, Form(**form))
    return re.sub(r"in \d+\.\d s", "in 0.1 s", stream.getvalue())


def _expected(number: int, reason: str) -> Finding:
    key = f"images.tags.key_{number}"
    return replace(_FAIL, key=key, line=number, status=Status.EXPECTED, reason=reason, chart=f"chart-{number % 6}")


def test_a_run_prints_every_outcome() -> None:
    run = RunReport(charts=3)
    warning = replace(_FAIL, rule="REF-1", severity=Severity.WARNING, status=Status.WARNING, line=15, key="images.x")
    lapsed = replace(_FAIL, line=16, key="images.tags.api", reason="d.yaml:3 expected this until 2026-05-31: vendor")
    in_template = replace(
        _FAIL,
        rule="PP-1",
        path="keystone/templates/job.yaml",
        line=None,
        key="",
        workload="Job/init",
        container="init",
        containers=("Job/init init",),
    )
    run.handle(ResultFound.of("keystone", Verdict.of("REF-2", [_FAIL, lapsed])))
    run.handle(ResultFound.of("keystone", Verdict.of("REF-1", [warning])))
    run.handle(ResultFound.of("keystone", Verdict.of("PP-1", [in_template])))
    vendored = replace(_expected(1, "vendor (glance/values.yaml:1)"), chart="glance", path="glance/values.yaml")
    run.handle(
        ResultFound.of("glance", Verdict(rule="REF-2", status=Status.EXPECTED, findings=(vendored,), reason="vendor"))
    )
    run.handle(ResultFound.of("glance", Verdict.undecided("DROP-3", "the script reads more than it says")))
    run.handle(ResultFound.of("glance", Verdict.not_applicable("KEY-4", "no standard key")))
    run.handle(
        ResultFound.broken("broken", "REF-1", SuiteError("values.yaml:2: does not parse", expected="valid YAML"))
    )
    assert _shown(run) == textwrap.dedent(
        """\
        FAIL PP-1  keystone  keystone/templates/job.yaml  Job/init init
          found      docker.io/kolla/keystone  (no tag: Kubernetes reads it as :latest)
          expected   a reference pinned to a version or a digest
          why        a moving tag gives tomorrow's install another program than today's
          fix        images.tags.db_sync: docker.io/kolla/keystone:<version>
          reproduce  osh-conformance check charts/keystone --select REF-2

        FAIL REF-2  keystone  keystone/values.yaml:14  images.tags.db_sync
          found      docker.io/kolla/keystone  (no tag: Kubernetes reads it as :latest)
          reaches    Job/keystone-db-sync keystone-db-sync
          expected   a reference pinned to a version or a digest
          why        a moving tag gives tomorrow's install another program than today's
          fix        images.tags.db_sync: docker.io/kolla/keystone:<version>
          reproduce  osh-conformance check charts/keystone --select REF-2

        FAIL REF-2  keystone  keystone/values.yaml:16  images.tags.api
          found      docker.io/kolla/keystone  (no tag: Kubernetes reads it as :latest)
          reaches    Job/keystone-db-sync keystone-db-sync
          expected   a reference pinned to a version or a digest
          but        d.yaml:3 expected this until 2026-05-31: vendor
          fix        images.tags.db_sync: docker.io/kolla/keystone:<version>
          reproduce  osh-conformance check charts/keystone --select REF-2

        ERROR  broken
          found      values.yaml:2: does not parse
          expected   valid YAML

        WARN REF-1  keystone  keystone/values.yaml:15  images.x
          found      docker.io/kolla/keystone  (no tag: Kubernetes reads it as :latest)
          reaches    Job/keystone-db-sync keystone-db-sync
          expected   a reference pinned to a version or a digest
          why        a moving tag gives tomorrow's install another program than today's
          fix        images.tags.db_sync: docker.io/kolla/keystone:<version>
          reproduce  osh-conformance check charts/keystone --select REF-2

        XFAIL REF-2  glance  glance/values.yaml:1  images.tags.key_1: vendor (glance/values.yaml:1)
        not-applicable  KEY-4  glance: no standard key
        undecided  DROP-3  glance: the script reads more than it says
                  PP-1  REF-2   all
        keystone     1      2     3
        all          1      2     3

        5 findings: 3 fail, 1 warn, 1 expected
        3 charts, 7 checks: 1 passed, 2 failed, 1 expected to fail, 1 undecided, 1 not applicable, \
1 not checked because of an error in 0.1 s
        """
    )


def test_hundreds_of_expected_findings_are_one_line_a_reason() -> None:
    run = RunReport(charts=6)
    findings = tuple(_expected(number, "baseline (d.yaml)") for number in range(300))
    run.handle(
        ResultFound.of("all", Verdict(rule="REF-2", status=Status.EXPECTED, findings=findings, reason="baseline"))
    )
    assert _shown(run) == textwrap.dedent(
        """\
        XFAIL REF-2  chart-0, chart-1, chart-2, chart-3 and 2 more  300 findings: baseline (d.yaml)
        300 findings: 300 expected
        6 charts, 1 check: 1 expected to fail in 0.1 s
        """
    )


def _tree(charts: int = 60) -> RunReport:
    """Return a run in which two rules fail in every chart, one of them for one cause, and one chart loses data."""
    run = RunReport(charts=charts)
    for number in range(charts):
        chart = f"chart-{number:02}"
        found = "docker.io/x/one" if number % 3 else f"docker.io/x/own-{number}"
        reference = replace(_FAIL, key=f"images.k{number}", chart=chart, found=found, shared=found)
        reference = replace(reference, path=f"{chart}/values.yaml", folder=f"{chart}/")
        hook = replace(
            _FAIL,
            rule="HOOK-1",
            chart=chart,
            path="lib/templates/_job.tpl",
            line=9,
            key="",
            workload=f"Job/{chart}-drop",
            anchor=f"{chart}/templates/job.yaml",
            shared="lib/templates/_job.tpl helm.sh/hook",
            found="helm.sh/hook: post-delete",
        )
        warning = replace(_FAIL, rule="SCRIPT-1", chart=chart, status=Status.WARNING, severity=Severity.WARNING)
        for rule, finding in (("SCRIPT-1", warning), ("REF-2", reference), ("HOOK-1", hook)):
            run.handle(ResultFound.of(chart, Verdict.of(rule, [finding])))
    last = f"chart-{charts - 1:02}"
    lost = replace(_FAIL, rule="DROP-3", chart=last, path=f"{last}/templates/drop.yaml", found="it drops another one")
    run.handle(ResultFound.of(last, Verdict.of("DROP-3", [lost])))
    run.handle(
        ResultFound.broken("broken", "REF-2", SuiteError("values.yaml:2: does not parse", expected="valid YAML"))
    )
    return run


@pytest.mark.parametrize("width", [80, 200])
def test_a_tree_is_an_overview_of_two_screens(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    _hold(f"tree-{width}", _shown(_tree()))


def test_a_file_of_a_library_has_the_name_of_the_chart_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    run = _tree()
    place = "helm-toolkit/templates/manifests/a-long-name/_job-db-drop-mysql.tpl"
    other = replace(_FAIL, rule="DROP-2", chart="chart-07", path=place, key="", workload="Job/chart-07-db-drop")
    run.handle(ResultFound.of("chart-07", Verdict.of("DROP-2", [other])))
    assert f"{place}:14  chart-07" in _shown(run)


def test_what_a_cluster_showed_is_in_full_in_an_overview_too() -> None:
    run = _tree()
    line = "configparser.NoSectionError: No section: 'database', and more words than a line of an overview has room for"
    dropped = replace(_FAIL, rule="DROP-4", chart="chart-00", path="chart-00", line=None, key="db_drop", found=line)
    run.handle(ResultFound.of("chart-00", Verdict.of("DROP-4", [dropped]), cell="chart-00-x", scenario="drop-enabled"))
    assert line not in _shown(run)
    cell = CellReport(
        id="chart-00-x",
        chart="chart-00",
        flavor="client",
        origin="built",
        packaging_format="docker",
        runtime="containerd/runc",
        helm_major=4,
        status="fail",
    )
    run.handle(CellFinished(cell=cell))
    shown = _shown(run)
    assert line in shown
    assert "FAIL HOOK-1  60 findings in 60 charts, 1 cause" in shown


@pytest.mark.parametrize("width", [80, 200])
@pytest.mark.parametrize("form", ["full", "concise", "statistics", "quiet"])
def test_each_form_of_a_tree(form: str, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    _hold(f"{form}-{width}", _shown(_tree(4), **{form: True}))


@pytest.mark.parametrize("width", [40, 80, 120, 200])
def test_an_overview_and_a_table_fit_the_width(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    run = _tree()
    for number in range(30):
        other = replace(_FAIL, rule=f"VAL-{number}", chart=f"chart-{number:02}", folder="keystone/")
        run.handle(ResultFound.of(other.chart, Verdict.of(other.rule, [other])))
    ends = ("in 0.1 s", "findings: ")
    for form in ({}, {"full": True}):
        lines = [line for line in _shown(run, **form).splitlines() if line.startswith(("chart-", " ", "all"))]
        tables = [line for line in lines if re.match(r"(chart-\d\d|all| {8})  +[-\w]", line)]
        shown = tables if form else [line for line in lines if not any(end in line for end in ends)]
        assert shown
        assert [line for line in shown if len(line) > width] == []


def test_what_loses_data_comes_first_and_warnings_last() -> None:
    run = _tree()
    order = [finding.rule for finding in run.findings]
    assert list(dict.fromkeys(order)) == ["DROP-3", "HOOK-1", "REF-2", "", "SCRIPT-1"]
    shown = _shown(run)
    places = [shown.index(word) for word in ("FAIL DROP-3", "FAIL HOOK-1", "FAIL REF-2", "ERROR", "WARN SCRIPT-1")]
    assert places == sorted(places)


def test_one_cause_in_many_charts_is_one_message_with_its_number() -> None:
    shown = _shown(_tree(), full=True)
    assert shown.count("FAIL HOOK-1") == 1
    assert "FAIL HOOK-1  60 charts  lib/templates/_job.tpl:9  Job/chart-00-drop  (60 findings)" in shown
    assert "  charts     chart-00, chart-01, chart-02, chart-03 and 56 more" in shown
    assert shown.count("FAIL REF-2") == 21


def test_the_reason_of_a_rule_is_printed_once_a_run() -> None:
    shown = _shown(_tree(), full=True)
    assert shown.count("  why ") == 4


def test_many_causes_in_one_chart_are_one_in_full_and_a_line_for_each_other() -> None:
    run = RunReport(charts=1)
    findings = [replace(_FAIL, key=f"images.k{number}") for number in range(100)]
    run.handle(ResultFound.of("keystone", Verdict.of("REF-2", findings)))
    shown = _shown(run).splitlines()
    assert sum(line.startswith("FAIL REF-2") for line in shown) == 100
    assert sum("  why " in line for line in shown) == 1
    assert len(shown) < 120
    assert _shown(run, full=True).count("  reproduce ") == 100


def test_a_concise_line_is_a_path_a_line_and_one_line_of_text() -> None:
    run = RunReport(charts=1)
    nowhere = replace(_FAIL, path="", line=None, key="", workload="Job/a", found="one\ntwo")
    strict = replace(_FAIL, status=Status.WARNING)
    run.handle(ResultFound.of("keystone", Verdict.of("REF-2", [_FAIL, nowhere, strict])))
    lines = _shown(run, concise=True).splitlines()
    assert lines[0] == "keystone: REF-2 error Job/a: one two"
    assert lines[1].startswith("keystone/values.yaml:14: REF-2 error images.tags.db_sync: docker.io/kolla/keystone (no")
    assert lines[2].startswith("keystone/values.yaml:14: REF-2 warning ")
    assert lines[3] == "3 findings: 2 fail, 1 warn"


def test_a_quiet_run_prints_only_what_fails() -> None:
    passing = RunReport(charts=1)
    warning = replace(_FAIL, status=Status.WARNING)
    passing.handle(ResultFound.of("keystone", Verdict.of("REF-2", [warning])))
    assert _shown(passing, quiet=True) == ""
    failing = RunReport(charts=1)
    failing.handle(ResultFound.of("keystone", Verdict.of("REF-2", [_FAIL, replace(warning, key="x")])))
    lines = _shown(failing, quiet=True, concise=True).splitlines()
    assert len(lines) == 1
    assert " REF-2 error " in lines[0]


_COLOURED = "\033[1;31mFAIL\033[0m REF-2"


@pytest.mark.parametrize(
    ("environment", "on_terminal", "piped"),
    [
        ({}, True, False),
        ({"NO_COLOR": ""}, True, False),
        ({"NO_COLOR": "1"}, False, False),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1", "CLICOLOR_FORCE": "1"}, False, False),
        ({"FORCE_COLOR": "1"}, True, True),
        ({"FORCE_COLOR": ""}, True, False),
        ({"FORCE_COLOR": "1", "TERM": "dumb", "CLICOLOR": "0"}, True, True),
        ({"CLICOLOR_FORCE": "1"}, True, True),
        ({"CLICOLOR_FORCE": "0"}, True, False),
        ({"CLICOLOR": "0"}, False, False),
        ({"CLICOLOR": "1"}, True, False),
        ({"TERM": "dumb"}, False, False),
    ],
    ids=str,
)
def test_colours_follow_the_conventions(
    environment: dict[str, str],
    on_terminal: bool,  # noqa: FBT001
    piped: bool,  # noqa: FBT001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    run = RunReport(charts=1)
    run.handle(ResultFound.of("keystone", Verdict.of("REF-2", [_FAIL])))
    for stream, wanted in ((_Terminal(), on_terminal), (io.StringIO(), piped)):
        show(run, stream)
        assert (_COLOURED in stream.getvalue()) is wanted
        assert ("\033" in stream.getvalue()) is wanted


def test_left_out_charts_are_counted() -> None:
    run = RunReport(left_out="0 of 6 charts changed since main")
    assert _shown(run).splitlines()[0] == "0 of 6 charts changed since main"
    assert run.exit_code == 0


def test_one_cause_is_printed_once_with_all_its_containers() -> None:
    run = RunReport(charts=1)
    for container in ("Job/a a", "Job/b b"):
        run.handle(ResultFound.of("keystone", Verdict.of("REF-2", [replace(_FAIL, containers=(container,))])))
    (finding,) = run.findings
    assert finding.containers == ("Job/a a", "Job/b b")


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_long_run_prints_its_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for stream, start in (
        (io.StringIO(), "  ..   3 of 80 charts  0 s\n"),
        (_Terminal(), "\r  ..   3 of 80 charts  0 s"),
    ):
        with StatusLine(lambda: "3 of 80 charts", stream, after=0.01):
            deadline = time.monotonic() + 10
            while not stream.getvalue() and time.monotonic() < deadline:
                time.sleep(0.005)
        assert stream.getvalue().startswith(start)
    assert stream.getvalue().endswith("\r\033[K")


def test_progress_on_a_terminal_is_never_wider_than_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "40")
    stream = _Terminal()
    with StatusLine(lambda: "word " * 20, stream, after=0.01):
        deadline = time.monotonic() + 10
        while not stream.getvalue() and time.monotonic() < deadline:
            time.sleep(0.005)
    line = stream.getvalue().split("\r")[1].removesuffix("\033[K")
    assert line.startswith("  ..   word word")
    assert len(line) < 40


def test_a_quick_run_prints_no_progress() -> None:
    stream = io.StringIO()
    with StatusLine(lambda: "never", stream):
        pass
    assert stream.getvalue() == ""


def test_a_live_run_prints_the_versions_below_its_cells() -> None:
    cell = CellReport(
        id="a-shipped",
        chart="a",
        flavor="shipped",
        origin="published",
        packaging_format="docker",
        runtime="containerd+cri-o",
        helm_major=4,
        status="pass",
    )
    run = RunReport(charts=1)
    run.handle(CellFinished(cell=cell))
    run.handle(ResultFound.of("a", Verdict.of("DROP-4", []), cell="a-shipped", scenario="drop-enabled", seconds=1.0))
    assert "containerd+cri-o" in _shown(run)
    assert "versions" not in _shown(run)
    nodes = "a, b: containerd://2.4.2; c: cri-o://1.36.0"
    run.handle(ClusterOpened(kubernetes="v1.37.2", versions={"nodes": nodes, "runtime crun": "1.28"}))
    assert f"\n\nversions: kubernetes v1.37.2; nodes {nodes}; runtime crun 1.28\n\n" in _shown(run)
    assert "versions" not in _shown(run, quiet=True)
    assert "versions" not in _shown(run, concise=True)
