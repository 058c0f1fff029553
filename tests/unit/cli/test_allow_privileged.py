"""`--allow-privileged`: without it, `live` and `plan` refuse a chart that requests privileged access."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from osh_conformance.cli import main
from tests.unit.privileged_charts import PRIVILEGED_POD, chart

if TYPE_CHECKING:
    from pathlib import Path


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


@pytest.mark.parametrize("more", [(), ("--allow-privileged",)])
def test_a_runtime_that_cannot_give_it_leaves_the_chart_out(
    more: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No cluster is reached, and nothing fails: the run ends as any run without a cell."""
    made = chart(tmp_path, "x", templates__agent=PRIVILEGED_POD)
    (tmp_path / "data" / "runtimes").mkdir(parents=True)
    (tmp_path / "data" / "runtimes" / "walled.yaml").write_text(
        "{name: walled, summary: s, cri: containerd, limits: [{privilege: privileged, reason: it has no devices}]}"
    )
    report, junit = tmp_path / "report.json", tmp_path / "junit.xml"
    words = [str(made), "--runtime", "walled", "--data", str(tmp_path / "data"), *more, *OWN]
    words += ["--kubeconfig", str(_kubeconfig(tmp_path)), "--select", "DROP-4"]
    reason = "walled cannot give privileged, requested by Pod/agent (agent): it has no devices"
    assert main(["plan", *words]) == 5
    assert reason in capsys.readouterr().out
    assert main(["live", *words, "--json", str(report), "--junit", str(junit)]) == 5
    assert reason in capsys.readouterr().out
    document = json.loads(report.read_text())
    (cell,) = document["cells"]
    assert (cell["status"], cell["reason"], document["findings"]) == ("skipped", reason, [])
    assert reason in junit.read_text()


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
