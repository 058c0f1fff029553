"""Usage errors of `live`: one message, exit code 4, and reports that have it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.live.conftest import Kept
    from tests.live.driving import Program, Result


def _is_refused(result: Result, *words: str) -> None:
    assert result.code == 4, result.printed
    for word in words:
        assert word in result.printed
    assert "Traceback" not in result.printed
    assert [finding["status"] for finding in result.document["findings"]] == ["error"]
    assert result.junit.count("<error") == 1
    assert not result.artifacts.exists()


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        pytest.param(["--flavor", "distributio"], "did you mean `distribution`?", id="flavor"),
        pytest.param(["--scenario", "drop-enable"], "did you mean `drop-enabled`?", id="scenario"),
        pytest.param(["--helm", "5"], "no Helm major 5", id="helm"),
        pytest.param(["--helm", "four"], "3, 4 or 3,4", id="helm-word"),
        pytest.param(["--convention", "referense"], "did you mean `reference`?", id="convention"),
        pytest.param(["--values", "nowhere.yaml"], "nowhere.yaml: no file", id="values-missing"),
        pytest.param(["--kubeconfig", "nowhere.yaml"], "nowhere.yaml: cannot be read", id="kubeconfig-missing"),
        pytest.param(["--flavor-file", "nowhere.yaml"], "nowhere.yaml does not exist", id="flavor-file-missing"),
    ],
)
def test_an_unknown_name_is_a_usage_error(argv: list[str], message: str, program: Program, base: Path) -> None:
    _is_refused(program.run("live", base, *argv), message)


def test_a_missing_path_is_a_usage_error(program: Program) -> None:
    _is_refused(program.run("live", "nowhere"), "nowhere does not exist", "a chart directory")


def test_a_path_without_a_chart_is_an_error(program: Program, tmp_path: Path) -> None:
    _is_refused(program.run("live", tmp_path), "no chart in it", "Chart.yaml")


def test_a_file_that_is_no_chart_is_an_error(program: Program, tmp_path: Path) -> None:
    file = tmp_path / "chart.tgz"
    file.write_text("no archive")
    _is_refused(program.run("live", file), "not a packaged chart")


def test_values_that_do_not_parse_are_an_error(program: Program, base: Path, tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    file.write_text("images:\n  a: [\n")
    _is_refused(program.run("live", base, "--values", file), "values.yaml:", "does not parse")


def test_a_foreign_cluster_is_refused(kept: Kept, program: Program, base: Path) -> None:
    where = ("--kubeconfig", kept.kubeconfig)
    _is_refused(program.run("live", base, *where), "did not make the cluster", f"--allow-cluster {kept.context}")
    _is_refused(program.run("live", base, *where, "--allow-cluster", "another"), "--allow-cluster says `another`")
    _is_refused(program.run("live", base, *where, "--context", "another"), "has no context `another`")
