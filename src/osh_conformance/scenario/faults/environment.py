"""Faults of the cluster itself; nothing else may run there meanwhile."""

from __future__ import annotations

import time

from osh_conformance.cluster.nodes import process_of
from osh_conformance.errors import SuiteError
from osh_conformance.scenario.faults.base import Fault, Need, fault

_BACK_WITHIN = 120.0
_PAUSE = 0.5


class _Restarted(Fault):
    lasts = False
    needs = (Need.NODES,)

    def strike(self) -> None:
        for node in self.run.site.cluster.nodes:
            self._restart(node)
        self._await_back()

    def _restart(self, node: str) -> None:
        raise NotImplementedError

    def _await_back(self) -> None:
        """Nothing tells when an API server that is away will answer, or a kubelet lets anybody into a container."""
        ends = time.monotonic() + _BACK_WITHIN
        while not self._is_back():
            if time.monotonic() > ends:
                raise SuiteError(f"{self.name}: the cluster does not answer again within {_BACK_WITHIN:g} s")
            self.run.site.cancel.wait(_PAUSE)

    def _is_back(self) -> bool:
        if not self.run.site.kube.is_ready():
            return False
        try:
            self.run.control.run(["true"])
        except SuiteError:
            return False
        return True


@fault("kubelet-restarted")
class KubeletRestarted(_Restarted):
    """The kubelet of each node is restarted."""

    def _restart(self, node: str) -> None:
        self.run.site.cluster.node_exec(node, "systemctl", "restart", "kubelet")


@fault("containerd-restarted")
class ContainerdRestarted(_Restarted):
    """The containerd of each node is restarted; containers go on."""

    def _restart(self, node: str) -> None:
        self.run.site.cluster.node_exec(node, "systemctl", "restart", "containerd")


@fault("api-restarted")
class ApiRestarted(_Restarted):
    """The API server is killed, and its kubelet starts it again."""

    def strike(self) -> None:
        self._ended = False
        super().strike()
        if not self._ended:
            raise SuiteError(f"{self.name}: no node runs a kube-apiserver")

    def _restart(self, node: str) -> None:
        cluster = self.run.site.cluster
        process = process_of(cluster, node, "kube-apiserver")
        if process is not None:
            self._ended = True
            cluster.node_exec(node, "kill", "-KILL", str(process))
