"""What cannot be meant: one clear message, exit code 4, and reports that say the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from driving import Program, Result

    from conftest import Kept


def _is_refused(result: Result, *words: str) -> None:
    assert result.code == 4, result.printed
    for word in words:
        assert word in result.printed
    assert "Traceback" not in result.printed
    assert [finding["status"] for finding in result.document["findings"]] == ["error"]
    assert result.junit.count("<error") == 1
    assert not result.artifacts.exists()


@pytest.mark.parametrize(
    ("words", "said"),
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
def test_a_name_that_is_none(words: list[str], said: str, program: Program, base: Path) -> None:
    _is_refused(program.run("live", base, *words), said)


def test_a_path_that_does_not_exist(program: Program) -> None:
    _is_refused(program.run("live", "nowhere"), "nowhere does not exist", "a chart directory")


def test_a_path_without_a_chart(program: Program, tmp_path: Path) -> None:
    _is_refused(program.run("live", tmp_path), "no chart in it", "Chart.yaml")


def test_a_file_that_is_no_chart(program: Program, tmp_path: Path) -> None:
    file = tmp_path / "chart.tgz"
    file.write_text("no archive")
    _is_refused(program.run("live", file), "not a packaged chart")


def test_values_that_do_not_parse(program: Program, base: Path, tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    file.write_text("images:\n  a: [\n")
    _is_refused(program.run("live", base, "--values", file), "values.yaml:", "does not parse")


def test_a_cluster_of_somebody_else(kept: Kept, program: Program, base: Path) -> None:
    where = ("--kubeconfig", kept.kubeconfig)
    _is_refused(program.run("live", base, *where), "did not make the cluster", f"--allow-cluster {kept.context}")
    _is_refused(program.run("live", base, *where, "--allow-cluster", "another"), "--allow-cluster says `another`")
    _is_refused(program.run("live", base, *where, "--context", "another"), "has no context `another`")
