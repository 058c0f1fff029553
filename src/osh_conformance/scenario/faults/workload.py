"""Faults of what runs the drop: its pod killed or evicted, helm killed."""

from __future__ import annotations

from kubernetes.client.exceptions import ApiException

from osh_conformance.errors import SuiteError
from osh_conformance.scenario import removal
from osh_conformance.scenario.faults.base import Fault, fault


class _OnPods(Fault):
    lasts = False

    def strike(self) -> None:
        for pod in removal.drop_pods(self.run, self.run.site.watch.view()):
            try:
                self._end(pod["metadata"]["name"])
            except ApiException as error:
                raise SuiteError(f"{self.name}: pod {pod['metadata']['name']}: {error.reason}") from error

    def _end(self, pod: str) -> None:
        raise NotImplementedError


@fault("pod-killed")
class PodKilled(_OnPods):
    """The drop Job's pod is deleted, without a grace period."""

    def _end(self, pod: str) -> None:
        self.run.site.kube.core.delete_namespaced_pod(pod, self.run.site.namespace, grace_period_seconds=0)


@fault("pod-evicted")
class PodEvicted(_OnPods):
    """The drop Job's pod is evicted, as when a node is drained."""

    def _end(self, pod: str) -> None:
        body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod}}
        self.run.site.kube.core.create_namespaced_pod_eviction(pod, self.run.site.namespace, body)


@fault("helm-killed")
class HelmKilled(Fault):
    """`helm uninstall` is ended with SIGKILL."""

    lasts = False

    def strike(self) -> None:
        self.run.kill_helm()
