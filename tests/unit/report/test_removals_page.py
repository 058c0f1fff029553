"""The page about the drop Jobs of a tree, from the JSON document of a run."""

from __future__ import annotations

import json
import posixpath
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from osh_conformance.model.event import ClusterOpened, ErrorFound, ResultFound, RunFinished, RunStarted
from osh_conformance.model.finding import Finding, Severity, Status, Verdict
from osh_conformance.model.result import CellReport, Fates, RemovedData
from osh_conformance.report import json_document
from osh_conformance.report.pages import removals_page
from osh_conformance.report.result import RunReport

if TYPE_CHECKING:
    from collections.abc import Callable

_PAGE = Path(__file__).parent / "removals_page.md"
_LIBRARY = "toolkit/templates/_job-db-drop.tpl"
_SOURCE = ["--source", "example/charts@0123456789ab"]
_NO_IMAGE = (
    'Error: uninstallation completed with 1 error(s): Job.batch "gnocchi-db-drop" is invalid: '
    "spec.template.spec.containers[0].image: Required value"
)
_NO_SECTION = "configparser.NoSectionError: No section: 'database'"
_LEFT = "database {0} is still there"


def _cell(chart: str, **fields: Any) -> CellReport:
    plain = CellReport(
        id=f"{chart}-client-docker-default-helm4",
        chart=chart,
        flavor="client",
        origin="built",
        packaging_format="docker",
        runtime="containerd/runc",
        helm_major=4,
        status="pass",
        seconds=41.6,
        reduced="reduced to the Jobs; the images are those of flavor client, not the chart's own",
        images=("example.invalid/client:2.0.40",),
        switch="manifests.job_db_drop",
        removed=(_removed(chart, dropped=(chart,)),),
    )
    return replace(plain, **fields)


def _removed(chart: str, dropped: tuple[str, ...] = (), left: tuple[str, ...] = (), **fields: Any) -> RemovedData:
    account = (f"{chart}@%",)
    plain = RemovedData(
        scenario="drop-enabled",
        release=chart,
        expected="dropped",
        databases=Fates(dropped=dropped, left=left),
        accounts=Fates(dropped=account if dropped else (), left=account if left else ()),
        suite_tables=len(dropped or left),
    )
    return replace(plain, **fields)


def _static(chart: str, rule: str, found: str, fix: str, **fields: Any) -> Finding:
    plain = Finding(
        rule=rule,
        chart=chart,
        path=_LIBRARY,
        line=56,
        anchor=f"{chart}/templates/job-db-drop.yaml",
        workload=f"Job/{chart}-db-drop",
        found=found,
        expected="",
        why="it blocks the retry",
        fix=fix,
    )
    return replace(plain, **fields)


class _Run:
    """A run of charts with a few verdicts, as the engines report it."""

    def __init__(self, path: str = "/home/somebody/charts") -> None:
        self.path = path
        self.report = RunReport()
        target = {"verb": "live", "paths": [path], "scenario": ["drop-enabled"], "reduced": True}
        self.report.handle(RunStarted(target=target, charts=6, helm="4"))
        versions = {
            "helm 4": "v4.0.1",
            "nodes": "containerd://2.2.0",
            "database server": "docker.io/library/mariadb:11.4",
        }
        self.report.handle(ClusterOpened(kubernetes="v1.36.1", versions=versions))

    def add(self, cell: CellReport, *live: Verdict, static: tuple[Finding, ...] = ()) -> None:
        for verdict in live:
            self.report.handle(ResultFound.of(cell.chart, verdict, cell=cell.id, scenario="drop-enabled"))
        for finding in static:
            path, anchor = (
                each and posixpath.normpath(f"{self.path}/{each}") for each in (finding.path, finding.anchor)
            )
            placed = replace(finding, path=path, anchor=anchor)
            self.report.handle(ResultFound.of(cell.chart, Verdict.of(finding.rule, [placed])))
        self.report.cells.append(cell)

    def written(self, folder: Path) -> Path:
        self.report.handle(RunFinished(seconds=301.4))
        file = folder / "run.json"
        file.write_text(json.dumps(json_document.build(self.report)))
        return file


def _hook(chart: str) -> Finding:
    return _static(
        chart,
        "HOOK-1",
        "helm.sh/hook-delete-policy: hook-succeeded",
        "helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded",
        shared=f"{_LIBRARY} hook-delete-policy",
    )


def _dropped(chart: str, found: str) -> Verdict:
    return Verdict.of("DROP-4", [_static(chart, "DROP-4", found, "")])


_PASS = Verdict(rule="DROP-4", status=Status.PASS)


def _tree() -> _Run:
    run = _Run()
    nova = _cell("nova", removed=(_removed("nova", ("nova", "nova_cell0"), accounts=Fates(dropped=("nova@%",))),))
    run.add(nova, _PASS, static=(_hook("nova"),))
    off = _static("blazar", "TOGGLE-1", "with it off, the chart does not render", "", path="blazar/values.yaml", line=7)
    more = (replace(off, line=number, key=f"manifests.x{number}", anchor="", workload="") for number in range(7, 12))
    run.add(_cell("blazar"), _PASS, static=(_hook("blazar"), *more))
    refused = _removed("gnocchi", left=("gnocchi",), code=1, seconds=1.2, output=_NO_IMAGE)
    no_script = "it runs /tmp/db-drop.py, and ConfigMap/gnocchi-bin has no db-drop.py"
    run.add(
        _cell("gnocchi", status="fail", removed=(refused,), seconds=24.2),
        _dropped("gnocchi", f"exit code 1: {_NO_IMAGE}"),
        static=(
            _static("gnocchi", "DROP-2", no_script, "add db-drop.py to ConfigMap/gnocchi-bin", line=87),
            _hook("gnocchi"),
        ),
    )
    again = _removed(
        "placement",
        left=("placement",),
        code=1,
        seconds=61.0,
        output="Error: interrupted",
        repeated_failure=_NO_SECTION,
    )
    other = "db_init creates placement, which nothing drops; it drops [database] connection, which has no such entry"
    run.add(
        _cell("placement", status="fail", removed=(again,), seconds=80.0),
        _dropped("placement", _NO_SECTION),
        static=(
            _static("placement", "DROP-3", other, "give the drop Job the same inputs as db_init", line=87),
            _hook("placement"),
        ),
    )
    late = Verdict.undecided("DROP-4", "the release created no database and no account")
    run.add(_cell("kibana", removed=()), late)
    run.add(_cell("grafana", status="skipped", reason="its database is PostgreSQL's", removed=()))
    error = Finding(rule="", chart="ceph", status=Status.ERROR, found="does not render", expected="", why="", fix="")
    run.report.handle(ErrorFound(error=error))
    return run


@pytest.fixture
def page(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Returns the page of a document."""

    def made(file: Path, *arguments: str) -> str:
        assert removals_page.main([str(file), *arguments]) == 0
        return capsys.readouterr().out

    return made


def test_the_page_of_a_tree(page: Callable[..., str], tmp_path: Path) -> None:
    assert page(_tree().written(tmp_path), *_SOURCE) == _PAGE.read_text()


def test_no_path_of_the_machine_is_in_the_page(page: Callable[..., str], tmp_path: Path) -> None:
    assert "/home/somebody" not in page(_tree().written(tmp_path))


def test_without_a_source_the_page_names_no_repository(page: Callable[..., str], tmp_path: Path) -> None:
    text = page(_tree().written(tmp_path), "--title", "My charts")
    assert text.startswith("# My charts\n")
    assert "git clone" not in text
    assert "osh-conformance live charts --scenario drop-enabled --reduced --helm 4 --json run.json" in text


def test_a_run_without_a_failure_has_no_section_about_what_is_broken(page: Callable[..., str], tmp_path: Path) -> None:
    run = _Run()
    run.add(_cell("nova", reduced="", flavor="shipped"), _PASS)
    text = page(run.written(tmp_path))
    assert "**In these charts, the drop Job works in 1 of 1 charts.**" in text
    assert "broken" not in text.lower()
    assert "reduced" not in text


def test_what_a_second_uninstall_with_an_image_showed_is_the_second_cause(
    page: Callable[..., str], tmp_path: Path
) -> None:
    run = _Run()
    with_image = "can't open file 'x.py'\nJob/drop drop, exit code 2: three attempts in a row ended with it"
    removed = _removed("gnocchi", left=("gnocchi",), code=1, output=_NO_IMAGE, with_image=with_image)
    run.add(_cell("gnocchi", status="fail", removed=(removed,)), _dropped("gnocchi", "exit code 1"))
    text = page(run.written(tmp_path))
    assert "- **Second cause**: with an image for the Job it still fails (Job/drop drop, exit code 2: three " in text
    assert " attempts in a row ended with it): `can't open file 'x.py'`\n" in text
    assert "- With an image for it: can't open file 'x.py' Job/drop drop, exit code 2:" in text


def test_a_job_that_works_with_an_image_has_no_second_cause(page: Callable[..., str], tmp_path: Path) -> None:
    run = _Run()
    worked = "helm uninstall ended with exit code 0, and nothing of the release is still on the server"
    removed = _removed("shop", left=("shop",), code=1, output=_NO_IMAGE, with_image=worked)
    run.add(_cell("shop", status="fail", removed=(removed,)), _dropped("shop", "exit code 1"))
    text = page(run.written(tmp_path))
    assert "Second cause" not in text
    assert "- With an image for the Job it works.\n" in text
    assert "- With an image it works.\n" in text


def test_a_drop_that_succeeds_and_leaves_data_is_broken(page: Callable[..., str], tmp_path: Path) -> None:
    run = _Run()
    removed = _removed("shop", left=("shop",), log={"shop-db-drop-1 drop": "all done"})
    run.add(_cell("shop", status="fail", removed=(removed,)), _dropped("shop", "database shop is still there"))
    text = page(run.written(tmp_path))
    assert "- **First cause**: `helm uninstall` succeeds, and the data stay" in text
    assert "`helm uninstall shop` ends with exit code 0. These stay on the database" in text


def test_a_drop_that_took_more_than_it_may_says_so(page: Callable[..., str], tmp_path: Path) -> None:
    run = _Run()
    run.add(_cell("shop", status="fail"), _dropped("shop", "database other of another service is gone\nsecond line"))
    assert "- **First cause**: database other of another service is gone\n" in page(run.written(tmp_path))


def test_a_job_that_fails_once_is_quoted_by_its_last_line(page: Callable[..., str], tmp_path: Path) -> None:
    run = _Run()
    removed = _removed(
        "shop", left=("shop",), code=1, output="Error: failed: 1/1", log={"shop-1 drop": "1064 | syntax"}
    )
    run.add(_cell("shop", status="fail", removed=(removed,)), _dropped("shop", "exit code 1"))
    text = page(run.written(tmp_path))
    assert "- **First cause**: the drop Job fails: `1064 | syntax`" in text
    assert "| the drop Job fails: `1064 \\| syntax` |" in text, "a bar in a table's cell"


def test_another_rule_that_fails_is_told_beside_a_drop_that_works(page: Callable[..., str], tmp_path: Path) -> None:
    run = _Run()
    no_user = replace(_static("heat", "JOB-1", "no database user", ""), severity=Severity.ERROR)
    run.add(_cell("heat", status="fail"), _PASS, Verdict.of("JOB-1", [no_user]))
    assert "| heat | works |" in (text := page(run.written(tmp_path)))
    assert "| but JOB-1: no database user |" in text


def test_cells_of_one_chart_are_told_apart(page: Callable[..., str], tmp_path: Path) -> None:
    run = _Run()
    for helm in (3, 4):
        run.add(_cell("nova", id=f"nova-{helm}", helm_major=helm), _PASS)
    text = page(run.written(tmp_path))
    assert "| nova (client, Helm 3) | works |" in text
    assert "--helm 3,4" in text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("no JSON", "is not JSON"),
        ("[]", "is not a document of osh-conformance"),
        ('{"tool": {"name": "pytest"}}', "is not a document of osh-conformance"),
        ('{"tool": {"name": "osh-conformance"}, "schema": 1}', "has schema 1, and this version"),
        ('{"tool": {"name": "osh-conformance", "version": "1"}, "schema": 2}', "missing required field `target`"),
    ],
)
def test_a_file_that_is_no_such_document_is_a_usage_error(
    content: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "run.json"
    file.write_text(content)
    assert removals_page.main([str(file)]) == 4
    seen = capsys.readouterr()
    assert seen.out == ""
    assert message in seen.err


def test_a_run_in_which_nothing_ran_is_a_usage_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert removals_page.main([str(tmp_path / "none.json")]) == 4
    assert removals_page.main([str(_Run().written(tmp_path))]) == 4
    run = _Run()
    run.add(_cell("a", status="skipped", reason="no db_drop", removed=()))
    assert removals_page.main([str(run.written(tmp_path))]) == 4
    missing, empty, skipped = capsys.readouterr().err.split("ERROR ")[1:]
    assert "No such file" in missing
    assert "the run has no cell" in empty
    assert "no cell of the run has run" in skipped


def test_a_run_of_errors_only_is_a_usage_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = _Run()
    run.add(_cell("a", status="error", reason="the cluster did not start: /home/me/bin/kind create", removed=()))
    assert removals_page.main([str(run.written(tmp_path))]) == 4
    error = capsys.readouterr().err
    assert "every cell of the run ended with an error" in error
    assert "the cluster did not start: kind create" in error


def test_the_reason_of_an_error_names_no_folder_of_the_machine(page: Callable[..., str], tmp_path: Path) -> None:
    run = _Run()
    run.add(_cell("nova"), _PASS)
    reason = "`/home/me/bin/kind create --config /home/me/runs/kind.yaml` failed; see docker.io/library/x:1 and a/b/c"
    run.add(_cell("a", status="error", reason=reason, removed=()))
    text = page(run.written(tmp_path))
    assert "| a | `kind create --config kind.yaml` failed; see docker.io/library/x:1 and a/b/c |" in text


def test_a_run_of_single_charts_names_files_as_a_run_of_their_tree(page: Callable[..., str], tmp_path: Path) -> None:
    run = _Run("/home/somebody/charts/shop")
    found = _static(
        "shop", "DROP-2", "no script", "", path="../toolkit/templates/_job.tpl", anchor="templates/job.yaml"
    )
    run.add(_cell("shop", status="fail"), _dropped("shop", "exit code 1"), static=(found,))
    text = page(run.written(tmp_path))
    assert "`toolkit/templates/_job.tpl:56`: no script" in text
    assert "- **Template**: `shop/templates/job.yaml`" in text


@pytest.mark.parametrize("source", ["example/charts", "charts@1", "@1", "a/b@"])
def test_a_source_without_repository_or_commit_is_a_usage_error(
    source: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert removals_page.main([str(_tree().written(tmp_path)), "--source", source]) == 4
    assert "REPOSITORY@COMMIT" in capsys.readouterr().err


def test_a_source_may_be_the_address_of_a_git_repository(page: Callable[..., str], tmp_path: Path) -> None:
    text = page(_tree().written(tmp_path), "--source", "https://git.example.org/team/charts.git@0123")
    assert "git clone https://git.example.org/team/charts.git\ngit -C charts checkout 0123\n" in text
