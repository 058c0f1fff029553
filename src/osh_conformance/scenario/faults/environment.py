"""Faults of the cluster itself; nothing else may run there at the same time."""

from __future__ import annotations

import time

from osh_conformance.cluster.nodes import process_of
from osh_conformance.errors import SuiteError
from osh_conformance.scenario.faults.base import Fault, fault

_BACK_WITHIN = 120.0
_PAUSE = 0.5


class _Restarted(Fault):
    def inject(self) -> None:
        for node in self.state.context.cluster.nodes:
            self._restart(node)
        self._await_back()

    def _restart(self, node: str) -> None:
        raise NotImplementedError

    def _await_back(self) -> None:
        """Poll until the API server answers and the kubelet allows `exec`: no event announces either."""
        ends = time.monotonic() + _BACK_WITHIN
        while not self._is_back():
            if time.monotonic() > ends:
                raise SuiteError(f"{self.id}: the cluster did not answer again within {_BACK_WITHIN:g} s")
            self.state.context.cancel.wait(_PAUSE)

    def _is_back(self) -> bool:
        if not self.state.context.kube.is_ready():
            return False
        try:
            self.state.control.run(["true"])
        except SuiteError:
            return False
        return True


@fault("kubelet-restarted")
class KubeletRestarted(_Restarted):
    """The kubelet of each node is restarted."""

    def _restart(self, node: str) -> None:
        self.state.context.cluster.node_exec(node, "systemctl", "restart", "kubelet")


@fault("containerd-restarted")
class ContainerdRestarted(_Restarted):
    """The containerd of each node is restarted; containers keep running."""

    def _restart(self, node: str) -> None:
        self.state.context.cluster.node_exec(node, "systemctl", "restart", "containerd")


@fault("api-restarted")
class ApiRestarted(_Restarted):
    """The API server is killed, and its kubelet starts it again."""

    def inject(self) -> None:
        self._ended = False
        super().inject()
        if not self._ended:
            raise SuiteError(f"{self.id}: no node runs a kube-apiserver")

    def _restart(self, node: str) -> None:
        cluster = self.state.context.cluster
        process = process_of(cluster, node, "kube-apiserver")
        if process is not None:
            self._ended = True
            cluster.node_exec(node, "kill", "-KILL", str(process))
