"""Where a scenario runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import threading
    from pathlib import Path

    from osh_conformance.helm.driver import Helm
    from osh_conformance.observe.hidden import Hidden
    from osh_conformance.observe.kube import Kube
    from osh_conformance.observe.watch import NamespaceWatch


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """An empty namespace of the suite's own, its watch, and a private `folder` for values files.

    `cancel` is set when the run is interrupted: waits and commands end at once.
    """

    helm: Helm
    kube: Kube
    namespace: str
    folder: Path
    watch: NamespaceWatch
    cancel: threading.Event
    hidden: Hidden
