"""Where a scenario runs."""

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
    """An empty namespace of the suite's own, its watch, and a private `folder` for values files.

    `title` is what runs there, as `progress` names it. `cancel` is set when the run is interrupted: waits and commands
    end at once.
    """

    title: str
    progress: Progress
    helm: Helm
    kube: Kube
    namespace: str
    folder: Path
    watch: NamespaceWatch
    cancel: threading.Event
    hidden: KnownSecrets
    cluster: Cluster
    #: Another empty namespace, which is removed when its context ends.
    beside: Callable[[], AbstractContextManager[CellContext]]
    #: What the registry answers from now on for the image of the drop Job; "" is the image.
    answer_pull: Callable[[str], None] = lambda _how: None
    #: What runs the pods of the namespace, by the nodes' word; None where they cannot be entered.
    runtime: Callable[[], RuntimeProof | None] = lambda: None

    def last_words(self, pod: Object, status: Object) -> str:
        """What a container said where it ended badly, without secrets."""
        return self.hidden.redact(self.watch.last_words(pod, status))
