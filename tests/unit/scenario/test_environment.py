"""Faults of the cluster itself: they wait until the cluster answers again."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from osh_conformance.errors import SuiteError
from osh_conformance.scenario.faults import environment
from osh_conformance.waiting import CancelledError


class FakeCluster:
    """A cluster of two nodes whose API server does not answer the first `silent` times."""

    def __init__(self, silent: int) -> None:
        self.nodes = ("node-1", "node-2")
        self.silent = silent
        self.calls: list[tuple[str, ...]] = []
        self.cancel = threading.Event()

    def node_exec(self, *argv: str) -> None:
        self.calls.append(argv)

    def is_ready(self) -> bool:
        self.silent -= 1
        return self.silent < 0

    @property
    def state(self) -> Any:
        control = SimpleNamespace(run=lambda argv: self.calls.append(("server", *argv)))
        return SimpleNamespace(control=control, context=SimpleNamespace(cluster=self, kube=self, cancel=self.cancel))


def test_a_restarted_kubelet_is_awaited_until_it_runs_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "_PAUSE", 0.0)
    cluster = FakeCluster(silent=2)
    environment.KubeletRestarted(cluster.state).inject()
    restart = ("systemctl", "restart", "kubelet")
    assert cluster.calls == [("node-1", *restart), ("node-2", *restart), ("server", "true")]


def test_a_cluster_that_does_not_answer_again_is_an_error_with_the_faults_id(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "_BACK_WITHIN", 0.0)
    monkeypatch.setattr(environment, "_PAUSE", 0.0)
    with pytest.raises(SuiteError, match="the fault containerd-restarted"):
        environment.ContainerdRestarted(FakeCluster(silent=1000).state).inject()


def test_an_interrupted_run_does_not_wait_for_the_cluster() -> None:
    cluster = FakeCluster(silent=1000)
    cluster.cancel.set()
    with pytest.raises(CancelledError):
        environment.KubeletRestarted(cluster.state).inject()


def test_an_api_server_that_no_node_runs_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "process_of", lambda *_: None)
    with pytest.raises(SuiteError, match="no node runs a kube-apiserver"):
        environment.ApiRestarted(FakeCluster(silent=0).state).inject()
