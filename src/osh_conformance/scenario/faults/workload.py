"""Faults of the drop Job's pod, and of helm."""

from __future__ import annotations

from kubernetes.client.exceptions import ApiException

from osh_conformance.errors import SuiteError
from osh_conformance.scenario.drop import drop_pods
from osh_conformance.scenario.faults.base import Fault, fault


class _OnPods(Fault):
    def inject(self) -> None:
        for pod in drop_pods(self.state, self.state.context.watch.view()):
            try:
                self._end(pod["metadata"]["name"])
            except ApiException as error:
                raise SuiteError(f"{self.id}: pod {pod['metadata']['name']}: {error.reason}") from error

    def _end(self, pod: str) -> None:
        raise NotImplementedError


@fault("pod-killed")
class PodKilled(_OnPods):
    """The drop Job's pod is deleted, without a grace period."""

    def _end(self, pod: str) -> None:
        self.state.context.kube.core.delete_namespaced_pod(pod, self.state.context.namespace, grace_period_seconds=0)


@fault("pod-evicted")
class PodEvicted(_OnPods):
    """The drop Job's pod is evicted, as when a node is drained."""

    def _end(self, pod: str) -> None:
        body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod}}
        self.state.context.kube.core.create_namespaced_pod_eviction(pod, self.state.context.namespace, body)


@fault("helm-killed")
class HelmKilled(Fault):
    """`helm uninstall` is ended with SIGKILL."""

    def inject(self) -> None:
        self.state.kill_helm()
