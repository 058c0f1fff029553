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
def calls(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The argv of each call."""
    seen: list[list[str]] = []

    def run(command: process.Command, **_: Any) -> process.Outcome:
        seen.append([str(word) for word in command.argv])
        return process.Outcome(argv=tuple(seen[-1]), code=0, stdout="", stderr="", seconds=0.0)

    monkeypatch.setattr(process, "run", run)
    return seen


@pytest.mark.parametrize("action", ["install", "upgrade"])
def test_an_install_that_waits_also_waits_for_jobs(action: str, calls: list[list[str]]) -> None:
    change = partial(HELM.install, upgrade=action == "upgrade")
    change("r", Path("chart"), "cell", [Path("values.yaml")], timeout=10, wait=True)
    change("r", Path("chart"), "cell", [Path("values.yaml")])
    waiting, plain = calls
    assert waiting[1:8] == [action, "r", "chart", "--values", "values.yaml", "--wait", "--wait-for-jobs"]
    assert not [word for word in plain if word.startswith("--wait")]


def test_helm_tests_a_release_without_its_logs(calls: list[list[str]]) -> None:
    HELM.test("r", "cell", timeout=20)
    assert calls[0][1:7] == ["test", "r", "--namespace", "cell", "--timeout", "20s"]
    assert "--logs" not in calls[0]


def test_an_uninstall_without_hooks_passes_no_hooks(calls: list[list[str]]) -> None:
    HELM.uninstall("r", "cell", hooks=False)
    HELM.uninstall("r", "cell")
    assert ["--no-hooks" in argv for argv in calls] == [True, False]


def test_helm_says_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(command: process.Command, **_: Any) -> process.Outcome:
        assert command.argv[1:4] == ("version", "--template", "{{.Version}}")
        return process.Outcome(argv=(), code=0, stdout="v4.0.1\n", stderr="", seconds=0.0)

    monkeypatch.setattr(process, "run", run)
    assert HELM.version() == "v4.0.1"


def test_a_release_is_restored_to_its_latest_revision_without_hooks(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []

    def run(command: process.Command, **_: Any) -> process.Outcome:
        seen.append([str(word) for word in command.argv])
        return process.Outcome(argv=(), code=0, stdout='{"version": 3}', stderr="", seconds=0.0)

    monkeypatch.setattr(process, "run", run)
    HELM.restore("r", "cell")
    assert seen[0][1:7] == ["status", "r", "--output", "json", "--namespace", "cell"]
    assert seen[1][1:7] == ["rollback", "r", "3", "--no-hooks", "--namespace", "cell"]


def test_an_upgrade_without_hooks_passes_no_hooks(calls: list[list[str]]) -> None:
    HELM.install("r", Path("chart"), "cell", [], upgrade=True, hooks=False)
    assert "--no-hooks" in calls[0]
