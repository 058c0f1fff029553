"""`--allow-privileged`: without it, `live` and `plan` refuse a chart that requests privileged access."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from osh_conformance.cli import main
from tests.unit.privileged_charts import PRIVILEGED_POD, chart

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_live_refuses_before_it_reaches_a_cluster(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = chart(tmp_path, "x", templates__agent=PRIVILEGED_POD)
    report = tmp_path / "report.json"
    assert main(["live", str(made), "--json", str(report), "--kubeconfig", str(_kubeconfig(tmp_path)), *OWN]) == 4
    assert "--allow-privileged" in capsys.readouterr().err
    assert "Pod/agent agent: privileged" in json.dumps(json.loads(report.read_text()))


def test_a_plan_lists_allowed_requests(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = chart(tmp_path, "x", templates__agent=PRIVILEGED_POD)
    assert main(["plan", str(made), "--flavor", "shipped"]) == 4
    assert main(["plan", str(made), "--flavor", "shipped", "--allow-privileged"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [str(made), "Pod/agent", "agent:", "privileged"] in lines


OWN = ("--flavor", "shipped", "--allow-cluster", "own")


def _kubeconfig(folder: Path) -> Path:
    """A cluster that does not answer: a run that got so far would fail to reach it."""
    file = folder / "config"
    file.write_text(
        "apiVersion: v1\ncurrent-context: own\n"
        "contexts: [{name: own, context: {cluster: own, user: u}}]\n"
        "clusters: [{name: own, cluster: {server: 'https://127.0.0.1:1'}}]\nusers: [{name: u, user: {}}]\n"
    )
    return file
