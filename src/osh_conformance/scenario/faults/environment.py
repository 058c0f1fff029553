"""Faults of the cluster itself; nothing else may run there at the same time."""

from __future__ import annotations

from osh_conformance.cluster.nodes import process_of
from osh_conformance.errors import SuiteError
from osh_conformance.scenario.faults.base import Fault, fault
from osh_conformance.waiting import until

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
        """Wait for the cluster. No event reports that an API server answers again, or that a kubelet runs commands."""
        until(
            self._is_back,
            f"the cluster to answer after the fault {self.id}",
            deadline=_BACK_WITHIN,
            pause=_PAUSE,
            cancel=self.state.context.cancel,
        )

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
