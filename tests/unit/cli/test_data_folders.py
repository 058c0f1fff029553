"""Scenarios and runtimes of the user's own, from a folder that `--data` names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from osh_conformance.cli import main
from tests.paths import KEYSTONE

if TYPE_CHECKING:
    from pathlib import Path

_SCENARIO = """
name: mine
summary: the chart is installed and uninstalled
group: lifecycle
db_drop: true
steps: [{do: install}, {do: uninstall}]
rules: [KEY-1, DROP-4]
"""
_RUNTIME = """\
name: mine
summary: a runtime of our own
cri: containerd
handler: mine
state: ["/run/mine/{container}/mine.json"]
"""


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a scenario and a runtime `mine`, on a machine without past runs."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for kind, text in (("scenarios", _SCENARIO.lstrip()), ("runtimes", _RUNTIME)):
        folder = tmp_path / "data" / kind
        folder.mkdir(parents=True)
        (folder / "mine.yaml").write_text(text)
    return tmp_path / "data"


def _plan(data: Path, *options: str) -> int:
    return main(["plan", str(KEYSTONE), "--data", str(data), *options])


def test_a_plan_has_a_cell_of_a_scenario_and_a_runtime_of_the_users_own(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _plan(data, "--scenario", "mine", "--runtime", "mine") == 0
    (row,) = (line.split() for line in capsys.readouterr().out.splitlines() if line.startswith("keystone"))
    assert (row[3], row[-1]) == ("mine", "mine")


@pytest.mark.usefixtures("data")
@pytest.mark.parametrize("option", ["--scenario", "--runtime"])
def test_a_definition_of_the_users_own_is_unknown_without_its_folder(
    option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plan", str(KEYSTONE), option, "mine"]) == 4
    assert "`mine`" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["plan", "live"])
def test_an_unknown_rule_of_a_scenario_is_a_usage_error_with_its_place_and_a_suggestion(
    verb: str, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = data / "scenarios" / "mine.yaml"
    file.write_text(file.read_text().replace("DROP-4", "DROP-44"))
    assert main([verb, str(KEYSTONE), "--data", str(data), "--scenario", "mine"]) == 4
    message = capsys.readouterr().err
    assert f"{file}:6: " in message
    assert "did you mean `DROP-4`?" in message
