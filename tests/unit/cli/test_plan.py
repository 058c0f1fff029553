"""`osh-conformance plan`, and what it shares with `live`: read, understood, and nothing run."""

from __future__ import annotations

import shutil
import subprocess
import sys
from fnmatch import fnmatch
from typing import TYPE_CHECKING

import pytest

from osh_conformance.cli import main
from osh_conformance.folders import default_folders
from osh_conformance.plan import timings
from tests.paths import KEYSTONE

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _no_past(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No run was ever made here."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def plan(*words: str | Path) -> int:
    return main(["plan", *map(str, words)])


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("verb", ["plan", "live"])
def test_help_names_every_axis(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([verb, "--help"])
    assert caught.value.code == 0
    out = capsys.readouterr().out
    assert all(option in out for option in ("--flavor", "--format", "--runtime", "--helm", "--matrix", "--shard"))


def test_a_plan_has_a_line_for_each_cell(capsys: pytest.CaptureFixture[str]) -> None:
    assert plan(KEYSTONE, "--flavor", "loci,kolla", "--runtime", "crun", "--helm", "3,4") == 0
    rows = [line for line in lines(capsys) if line.startswith("keystone")]
    assert [row.split()[:5] for row in rows] == [
        ["keystone", flavor, "docker", "crun", major] for flavor in ("loci", "kolla") for major in "34"
    ]


def test_a_plan_lists_what_is_left_out_with_the_reason(capsys: pytest.CaptureFixture[str]) -> None:
    assert plan(KEYSTONE, "--runtime", "all") == 0
    assert any(fnmatch(line, "*cri-o*needs *CRI-O*") for line in lines(capsys))


def test_a_plan_estimates_from_past_runs(capsys: pytest.CaptureFixture[str]) -> None:
    timings.note(default_folders(), {"keystone-distribution-docker-default-helm4-drop-enabled": 77.0})
    assert plan(KEYSTONE, "--scenario", "drop-enabled") == 0
    assert any(fnmatch(line, "keystone * 77 s *drop-enabled") for line in lines(capsys))


def test_a_plan_changes_nothing(tmp_path: Path) -> None:
    plan(KEYSTONE)
    assert not (tmp_path / "state").exists()


def test_a_plan_without_a_cell_ends_with_5(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text("contexts: [{name: own, context: {cluster: own, user: u}}]\n")
    own = ("--kubeconfig", file, "--allow-cluster", "own")
    assert plan(KEYSTONE, *own, "--flavor", "shipped", "--format", "oci-zstd") == 5
    assert "nothing to run" in lines(capsys)


def test_an_unreadable_chart_is_an_error_beside_the_plan_of_the_others(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert plan("nowhere", KEYSTONE) == 3
    printed = capsys.readouterr()
    assert "nowhere" in printed.err
    assert "drop-enabled" in printed.out


@pytest.mark.parametrize("verb", ["plan", "live"])
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--parallel", "0"), "--parallel 0"),
        (("--parallel", "many"), "--parallel many"),
        (("--matrix", "pairwize"), "`pairwise`"),
        (("--runtime", "cri-o"), "--runtime cri-o"),
        (("--shard", "0/2"), "--shard 0/2"),
        (("--helm", "4,x"), "--helm 4,x"),
    ],
)
def test_a_malformed_option_is_a_usage_error(
    verb: str, words: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([verb, str(KEYSTONE), *words]) == 4
    assert message in capsys.readouterr().err


def test_two_charts_with_one_name_are_a_usage_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(KEYSTONE, tmp_path / "keystone")
    assert plan(KEYSTONE, tmp_path / "keystone") == 4
    message = capsys.readouterr().err
    assert f"{KEYSTONE} and {tmp_path / 'keystone'} are both called keystone" in message


def test_setup_has_options_for_flavors_and_runtimes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["setup", "--help"])
    out = capsys.readouterr().out
    assert "--flavor" in out
    assert "--runtime" in out


def test_the_command_line_parser_does_not_import_kubernetes() -> None:
    """A base install has no `kubernetes`: the program must still say what it can do."""
    code = "import sys, osh_conformance.cli as cli; cli.build_parser(); sys.exit('kubernetes' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
