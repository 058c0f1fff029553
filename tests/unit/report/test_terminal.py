"""The report on a terminal, word by word: the texts of its findings are the tests' own."""

from __future__ import annotations

import io
import re
import textwrap
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from osh_conformance.errors import SuiteError
from osh_conformance.model.event import ResultFound, RunFinished
from osh_conformance.model.finding import Finding, Severity, Status, Verdict
from osh_conformance.report.result import RunReport
from osh_conformance.report.status_line import StatusLine
from osh_conformance.report.terminal import show

if TYPE_CHECKING:
    import pytest

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


def _shown(run: RunReport) -> str:
    stream = io.StringIO()
    run.handle(RunFinished(seconds=0.1))
    show(run, stream)
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

        WARN REF-1  keystone  keystone/values.yaml:15  images.x
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
          why        a moving tag gives tomorrow's install another program than today's
          fix        images.tags.db_sync: docker.io/kolla/keystone:<version>
          reproduce  osh-conformance check charts/keystone --select REF-2

        ERROR  broken
          found      values.yaml:2: does not parse
          expected   valid YAML

        XFAIL REF-2  glance  glance/values.yaml:1  images.tags.key_1: vendor (glance/values.yaml:1)
        not-applicable  KEY-4  glance: no standard key
        undecided  DROP-3  glance: the script reads more than it says
                  PP-1  REF-2   all
        keystone     1      2     3
        all          1      2     3

        3 charts, 7 checks: 1 passed, 2 failed, 1 expected to fail, 1 undecided, 1 not applicable, \
1 not checked because of an error, 1 warning in 0.1 s
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
        6 charts, 1 check: 1 expected to fail in 0.1 s
        """
    )


def test_hundreds_of_findings_print_one_of_each_rule_in_full() -> None:
    run = RunReport(charts=2)
    for chart in ("glance", "nova"):
        findings = [replace(_FAIL, chart=chart, key=f"images.tags.k{number}", line=number) for number in range(1, 151)]
        run.handle(ResultFound.of(chart, Verdict.of("REF-2", findings)))
    run.handle(
        ResultFound.broken("broken", "REF-2", SuiteError("values.yaml:2: does not parse", expected="valid YAML"))
    )
    run.handle(ResultFound.broken("other", "REF-2", SuiteError("values.yaml:3: does not parse", expected="valid YAML")))
    shown = _shown(run).splitlines()
    line = "FAIL REF-2  {}  keystone/values.yaml:{}  images.tags.k{}"
    assert shown[0] == line.format("glance", 1, 1)
    assert shown[1].startswith("  found ")
    assert shown[8] == line.format("glance", 2, 2) + f": {_FAIL.found}"
    assert shown[157:159] == ["", line.format("nova", 1, 1) + f": {_FAIL.found}"]
    assert sum("why   " in text for text in shown) == 1
    assert sum("expected   valid YAML" in text for text in shown) == 2
    assert shown[-8].startswith("302 findings")
    assert shown[-6:-2] == ["        REF-2   all", "glance    150   150", "nova      150   150", "all       300   300"]


def test_causes_that_several_charts_share_are_named_at_the_end() -> None:
    run = RunReport(charts=60)
    for number in range(60):
        chart = f"chart-{number}"
        found = "docker.io/x/one" if number % 3 else f"docker.io/x/own-{number}"
        reference = replace(_FAIL, key=f"images.k{number}", chart=chart, found=found, shared=found)
        hook = replace(
            _FAIL,
            rule="HOOK-1",
            chart=chart,
            path="lib/templates/_job.tpl",
            line=9,
            anchor=f"{chart}/templates/job.yaml",
            shared="lib/templates/_job.tpl helm.sh/hook",
            found="helm.sh/hook: post-delete",
        )
        run.handle(ResultFound.of(chart, Verdict.of("REF-2", [reference, hook])))
    shown = _shown(run)
    assert (
        textwrap.dedent("""\
        causes that charts share:
          HOOK-1     60 charts  lib/templates/_job.tpl:9: helm.sh/hook: post-delete
          REF-2      40 charts  docker.io/x/one

        60 charts""")
        in shown
    )


def test_a_single_chart_prints_all_findings_in_full() -> None:
    run = RunReport(charts=1)
    run.handle(
        ResultFound.of(
            "keystone", Verdict.of("REF-2", [replace(_FAIL, key=f"images.k{number}") for number in range(100)])
        )
    )
    assert _shown(run).count("  why ") == 100


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


def test_a_quick_run_prints_no_progress() -> None:
    stream = io.StringIO()
    with StatusLine(lambda: "never", stream):
        pass
    assert stream.getvalue() == ""
