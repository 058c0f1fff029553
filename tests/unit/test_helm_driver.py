"""The command lines of helm; no cluster."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from osh_conformance import process
from osh_conformance.cluster.helm import Helm

HELM = Helm(program=Path("helm"), major=4, kubeconfig=Path("kubeconfig"), context="kind-x", home=Path("home"))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The words of each call."""
    calls: list[list[str]] = []

    def run(command: process.Command, **_: Any) -> process.Outcome:
        calls.append([str(word) for word in command.argv])
        return process.Outcome(argv=tuple(calls[-1]), code=0, stdout="", stderr="", seconds=0.0)

    monkeypatch.setattr(process, "run", run)
    return calls


@pytest.mark.parametrize("action", ["install", "upgrade"])
def test_helm_waits_for_jobs_when_it_waits_for_a_release(action: str, asked: list[list[str]]) -> None:
    change = partial(HELM.install, upgrade=action == "upgrade")
    change("r", Path("chart"), "cell", [Path("values.yaml")], timeout=10, wait=True)
    change("r", Path("chart"), "cell", [Path("values.yaml")])
    waiting, plain = asked
    assert waiting[1:8] == [action, "r", "chart", "--values", "values.yaml", "--wait", "--wait-for-jobs"]
    assert not [word for word in plain if word.startswith("--wait")]


def test_helm_uninstalls_without_hooks_on_request(asked: list[list[str]]) -> None:
    HELM.uninstall("r", "cell", hooks=False)
    HELM.uninstall("r", "cell")
    assert ["--no-hooks" in words for words in asked] == [True, False]
