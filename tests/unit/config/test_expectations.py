"""`live` with deviations, configuration and `--strict`, on findings that are given in place of a cluster."""

from __future__ import annotations

import contextlib
import json
import threading
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from osh_conformance.cli import main
from osh_conformance.errors import SuiteError
from osh_conformance.folders import Folders
from osh_conformance.live import session as sessions
from osh_conformance.live.cell import CellResult
from osh_conformance.live.engine import LiveEngine
from osh_conformance.model.finding import Finding, Severity, Status, Verdict
from osh_conformance.plan.cells import LeftOutError
from tests.paths import KEYSTONE
from tests.unit import observations

if TYPE_CHECKING:
    from collections.abc import Iterator

    from osh_conformance.plan.cells import CellRun
    from osh_conformance.plan.plan import LiveSuite

_KEYSTONE = str(KEYSTONE)
_FINDING = Finding(
    rule="DROP-4", chart="keystone", key="db_drop", found="the database is there", expected="e", why="w", fix="f"
)
_WARNING = Finding(
    rule="JOB-1",
    chart="keystone",
    severity=Severity.WARNING,
    status=Status.WARNING,
    found="it took its time",
    expected="e",
    why="w",
    fix="f",
)


@dataclass
class _Session:
    kubernetes: str = "v1.36.1"
    kubeconfig: Path = Path("kubeconfig")
    cluster: Any = field(default_factory=lambda: SimpleNamespace(owned=True))
    tools: Any = field(default_factory=lambda: SimpleNamespace(folders=Folders(cache=Path("c"), state=Path("s"))))
    cancel: threading.Event = field(default_factory=threading.Event)

    def versions(self) -> dict[str, str]:
        return {}


@pytest.fixture
def refused() -> dict[str, Exception]:
    """Why cells of a flavor cannot be run, by its name."""
    return {}


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, refused: dict[str, Exception]) -> list[Finding]:
    """What the cluster shows with the switch on; everything else conforms."""
    findings: list[Finding] = []

    @contextlib.contextmanager
    def open_session(_suite: LiveSuite, _cell_runs: list[CellRun], _progress: object) -> Iterator[_Session]:
        yield _Session()

    def submit(
        _engine: LiveEngine, cell_run: CellRun, _session: _Session, _shared: object, _create: object
    ) -> Future[CellResult]:
        here = findings if cell_run.scenario.db_drop else []
        verdicts = {rule: Verdict.of(rule, [each for each in here if each.rule == rule]) for rule in cell_run.rules}
        done: Future[CellResult] = Future()
        if cell_run.cell.flavor in refused:
            done.set_exception(refused[cell_run.cell.flavor])
            return done
        done.set_result(CellResult(observation=observations.observation(), verdicts=verdicts))
        return done

    monkeypatch.setattr(sessions, "open_session", open_session)
    monkeypatch.setattr(LiveEngine, "_submit", submit)
    monkeypatch.chdir(tmp_path)
    return findings


def test_live_reads_a_chart_once_for_both_halves(shown: list[Finding], chart_reads: list[str]) -> None:
    assert not shown
    assert main(["live", _KEYSTONE]) == 0
    assert chart_reads.count("keystone") == 1


def _expecting(**entry: str) -> str:
    content = {"osh_conformance_deviations": 1, "deviations": [{"rule": "DROP-4", "reason": "known", **entry}]}
    Path("d.yaml").write_text(json.dumps(content))
    return "--deviations=d.yaml"


def test_a_finding_in_a_cell_fails_the_run(shown: list[Finding], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["live", _KEYSTONE]) == 0
    shown.append(_FINDING)
    assert main(["live", _KEYSTONE]) == 1
    assert "FAIL DROP-4  keystone  db_drop" in capsys.readouterr().out


def test_a_deviation_makes_a_live_finding_expected(shown: list[Finding], capsys: pytest.CaptureFixture[str]) -> None:
    shown.append(_FINDING)
    assert main(["live", _KEYSTONE, _expecting(key="db_*"), "--json", "r.json", "--junit", "r.xml"]) == 0
    out = capsys.readouterr().out
    assert "XFAIL DROP-4  keystone  db_drop: known (d.yaml)" in out
    assert "WARN" not in out
    document = json.loads(Path("r.json").read_text())
    assert [finding["status"] for finding in document["findings"]] == ["expected"]
    assert [cell["status"] for cell in document["cells"]] == ["pass"]
    assert 'message="known (d.yaml)"' in Path("r.xml").read_text()


def test_a_stale_deviation_is_printed_and_fails_only_when_strict(
    shown: list[Finding], capsys: pytest.CaptureFixture[str]
) -> None:
    assert not shown
    assert main(["live", _KEYSTONE, _expecting(chart="keystone")]) == 0
    assert "WARN DROP-4  keystone  d.yaml:1" in capsys.readouterr().out
    assert main(["live", _KEYSTONE, _expecting(chart="keystone"), "--strict"]) == 1


@pytest.mark.parametrize("verb", ["live", "check"])
def test_a_deviation_of_a_rule_that_did_not_run_is_not_stale(
    verb: str, shown: list[Finding], capsys: pytest.CaptureFixture[str]
) -> None:
    assert not shown
    words = ["--scenario=drop-disabled"] if verb == "live" else []
    assert main([verb, _KEYSTONE, *words, _expecting(chart="keystone", rule="PP-1")]) == 0
    assert "WARN" not in capsys.readouterr().out


def test_a_deviation_covers_the_static_checks_of_a_live_run(
    shown: list[Finding], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("v.yaml").write_text("images:\n  db_sync: docker.io/example/keystone:latest\n")
    shown.append(_FINDING)
    deviations = _expecting(rule="REF-2", key="images.db_sync")
    assert main(["live", _KEYSTONE, "--values=v.yaml", deviations]) == 1
    out = capsys.readouterr().out
    assert "XFAIL REF-2  keystone" in out
    assert "FAIL DROP-4" in out


def test_the_configuration_file_applies_to_live(shown: list[Finding], capsys: pytest.CaptureFixture[str]) -> None:
    shown += [_FINDING, _WARNING]
    _expecting()
    Path("own.toml").write_text('deviations = ["d.yaml"]\n')
    assert main(["live", _KEYSTONE, "--config", "own.toml"]) == 0
    capsys.readouterr()
    Path("own.toml").write_text('deviations = ["d.yaml"]\nstrict = true\n')
    assert main(["live", _KEYSTONE, "--config", "own.toml"]) == 1
    assert "FAIL JOB-1  keystone" in capsys.readouterr().out


def test_a_missing_path_alone_is_a_usage_error(shown: list[Finding], capsys: pytest.CaptureFixture[str]) -> None:
    assert not shown
    assert main(["live", "nowhere"]) == 4
    assert "nowhere does not exist" in capsys.readouterr().err


def test_a_missing_path_beside_a_chart_is_one_error(shown: list[Finding], capsys: pytest.CaptureFixture[str]) -> None:
    assert not shown
    assert main(["live", "nowhere", _KEYSTONE]) == 3
    out = capsys.readouterr().out
    assert out.count("nowhere does not exist") == 1
    assert "drop-enabled" in out


# -- cells ---------------------------------------------------------------------------------------------------------


def _cells(*words: str) -> tuple[int, dict[str, Any]]:
    """The exit code, and the cells of the document by flavor."""
    code = main(["live", _KEYSTONE, *words, "--json", "r.json", "--junit", "r.xml"])
    return code, {cell["flavor"]: cell for cell in json.loads(Path("r.json").read_text())["cells"]}


def test_a_cell_reports_its_values_and_its_proof(shown: list[Finding]) -> None:
    assert not shown
    code, cells = _cells("--runtime", "crun")
    assert code == 0
    cell = cells["distribution"]
    assert (cell["format"], cell["runtime"], cell["helm"], cell["status"]) == ("docker", "containerd/crun", "4", "pass")
    assert cell["origin"] == "built"
    assert "application/vnd.docker.distribution.manifest.v2+json" in cell["proof"]
    assert f'<property name="proof" value="{cell["proof"]}"' in Path("r.xml").read_text()


def test_a_cell_that_this_cluster_cannot_run_is_skipped_with_its_reason(shown: list[Finding]) -> None:
    assert not shown
    code = main(["live", _KEYSTONE, "--runtime", "all", "--json", "r.json", "--junit", "r.xml"])
    cells = {cell["runtime"]: cell for cell in json.loads(Path("r.json").read_text())["cells"]}
    assert code == 0
    assert (cells["cri-o"]["status"], cells["cri-o"]["assertions"]) == ("skipped", [])
    assert "CRI-O" in cells["cri-o"]["reason"]
    assert cells["cri-o"]["reason"] in Path("r.xml").read_text()


def test_a_cell_of_flavor_all_without_its_image_is_skipped(shown: list[Finding], refused: dict[str, Exception]) -> None:
    assert not shown
    refused["shipped"] = LeftOutError("no registry answers")
    code, cells = _cells("--flavor", "all", "--scenario", "drop-enabled")
    assert code == 0
    assert (cells["shipped"]["status"], cells["shipped"]["reason"]) == ("skipped", "no registry answers")
    assert {cell["status"] for flavor, cell in cells.items() if flavor != "shipped"} == {"pass"}


def test_an_error_in_a_cell_does_not_stop_the_others(
    shown: list[Finding], refused: dict[str, Exception], capsys: pytest.CaptureFixture[str]
) -> None:
    assert not shown
    refused["loci"] = SuiteError("the recipe loci fails")
    code, cells = _cells("--flavor", "loci,kolla", "--scenario", "drop-enabled")
    assert code == 3
    assert (cells["loci"]["status"], cells["loci"]["reason"]) == ("error", "the recipe loci fails")
    assert cells["kolla"]["status"] == "pass"
    assert "ERROR" in capsys.readouterr().out


def test_an_exception_in_a_cell_is_an_error_of_the_suite(
    shown: list[Finding], refused: dict[str, Exception], capsys: pytest.CaptureFixture[str]
) -> None:
    assert not shown
    refused["loci"] = KeyError("oops")
    code, cells = _cells("--flavor", "loci,kolla", "--scenario", "drop-enabled")
    assert code == 3
    assert cells["kolla"]["status"] == "pass"
    assert "KeyError: 'oops'" in capsys.readouterr().out


def test_the_seconds_of_finished_cells_are_kept_for_the_next_plan(
    shown: list[Finding], refused: dict[str, Exception]
) -> None:
    assert not shown
    refused["loci"] = SuiteError("the recipe loci fails")
    _cells("--flavor", "loci,kolla", "--scenario", "drop-enabled")
    assert list(json.loads(Path("s/timings.json").read_text())) == ["keystone-kolla-docker-default-helm4-drop-enabled"]


def test_a_finding_on_a_minimal_image_fails_our_own_chart(shown: list[Finding]) -> None:
    shown.append(_FINDING)
    assert main(["live", _KEYSTONE, "--flavor", "minimal"]) == 1


def test_an_interrupted_run_reports_its_findings_so_far(
    shown: list[Finding], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown.append(_FINDING)
    emit_verdict = LiveEngine._emit_verdict

    def interrupted(*_: object) -> None:
        monkeypatch.setattr(LiveEngine, "_emit_verdict", emit_verdict)
        raise KeyboardInterrupt

    # The first item of all starts every cell of its module.
    monkeypatch.setattr(LiveEngine, "_emit_verdict", interrupted)
    assert main(["live", _KEYSTONE, "--json", "r.json"]) == 2
    assert "interrupted" in capsys.readouterr().out
    (cell,) = json.loads(Path("r.json").read_text())["cells"]
    reported = {(each["rule"], each["scenario"], each["status"]) for each in cell["assertions"]}
    assert {("DROP-4", "drop-enabled", "fail"), ("DROP-4", "drop-disabled", "pass")} <= reported
