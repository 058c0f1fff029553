"""The context of a scenario: its namespace, and the clients to use there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from osh_conformance.cluster.api import Kube
    from osh_conformance.cluster.cluster import Cluster
    from osh_conformance.cluster.helm import Helm
    from osh_conformance.model.observation import RuntimeProof
    from osh_conformance.observe.known_secrets import KnownSecrets
    from osh_conformance.observe.pod_status import Object
    from osh_conformance.observe.watch import NamespaceWatch
    from osh_conformance.progress import Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class CellContext:
    """An initially empty namespace of the suite, its watch, and the clients of its cluster."""

    #: The cell and the scenario, as `progress` names them.
    title: str
    progress: Progress
    helm: Helm
    kube: Kube
    namespace: str
    #: A private folder for values files.
    folder: Path
    watch: NamespaceWatch
    #: Set when the run is interrupted: waits and commands then end at once.
    cancel: threading.Event
    secrets: KnownSecrets
    cluster: Cluster
    #: Opens another empty namespace, which is removed at the end of the `with` block.
    second_context: Callable[[], AbstractContextManager[CellContext]]
    #: The factor for waits that depend on how fast containers start here.
    patience: float = 1.0
    #: Sets the registry's answer for the image of the drop Job; "" is the normal one.
    answer_pull: Callable[[str], None] = lambda _how: None
    #: Returns the nodes' evidence for the runtime of the namespace's pods; None without access to the nodes.
    runtime_proof: Callable[[], RuntimeProof | None] = lambda: None

    def last_words(self, pod: Object, status: Object) -> str:
        """Return the last message of a container that failed, without secrets."""
        return self.secrets.redact(self.watch.last_words(pod, status))
