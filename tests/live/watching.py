"""Seeing the passwords that a run makes up, while its cells are there."""

from __future__ import annotations

import base64
import threading
from typing import TYPE_CHECKING, Self

import kubernetes

if TYPE_CHECKING:
    from pathlib import Path

_CELL = "cell-"


class PasswordWatch:
    """Collects the administrator's password of every cell, as the cluster's Secrets have it."""

    def __init__(self, kubeconfig: Path, context: str) -> None:
        client = kubernetes.config.new_client_from_config(str(kubeconfig), context=context)
        self._core = kubernetes.client.CoreV1Api(client)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self.seen: set[str] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(10)

    def _follow(self) -> None:
        while not self._ended.is_set():
            watch = kubernetes.watch.Watch()
            for event in watch.stream(self._core.list_secret_for_all_namespaces, timeout_seconds=2):
                secret = event["object"]
                if secret.metadata.namespace.startswith(_CELL) and secret.metadata.name.endswith("-db-admin"):
                    self.seen.add(base64.b64decode(secret.data["password"]).decode())
