"""Counts of resources after an uninstall: they must not grow with each install and uninstall of a release."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from osh_conformance.cluster import nodes
from osh_conformance.errors import SuiteError
from osh_conformance.model.observation import ResourceUsage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from osh_conformance.cluster.api import Kube
    from osh_conformance.model.observation import DatabaseState, QueueState
    from osh_conformance.observe.context import CellContext

#: Kinds of objects that the cluster creates and removes by itself.
_PASSING = ("Event", "Lease", "PodMetrics")
_PAGE = os.sysconf("SC_PAGE_SIZE")
#: Helm's annotation on every object of a release, except hooks.
_OWNER = "meta.helm.sh/release-name"
_CORE = "/api/v1"


def read(context: CellContext, state: DatabaseState, queue: QueueState | None = None) -> ResourceUsage:
    """Count the resources in use now; `state` is the content of the database server, `queue` the message queue's."""
    on_queue = {"users of the queue": len(queue.users), "vhosts of the queue": len(queue.vhosts)} if queue else {}
    objects = count_objects(context.kube, context.namespace)
    return ResourceUsage(
        objects={kind: number for kind, number in objects.items() if kind not in _PASSING},
        server={"databases": len(state.databases), "accounts": len(state.accounts), **on_queue},
        nodes={
            "namespaces": len(context.kube.list("/api/v1/namespaces")),
            **nodes.count_resources(context.cluster),
        },
        suite_bytes=int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE,
    )


def count_objects(kube: Kube, namespace: str) -> Mapping[str, int]:
    """Count the objects of each kind in a namespace, with any owner."""
    return Counter(kind for kind, _ in _present(kube, namespace))


def objects(kube: Kube, namespace: str, release: str) -> tuple[str, ...]:
    """Return `Kind/name` of every object in a namespace that a release owns, for all kinds of the API."""
    return tuple(sorted(_owned(kube, namespace, release)))


def _owned(kube: Kube, namespace: str, release: str) -> Iterator[str]:
    for kind, metadata in _present(kube, namespace):
        if (metadata.get("annotations") or {}).get(_OWNER) == release:
            yield f"{kind}/{metadata['name']}"


def _present(kube: Kube, namespace: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for group, plural, kind in _kinds(kube):
        # The server of an aggregated API may not answer.
        with contextlib.suppress(SuiteError):
            for item in kube.list(f"{group}/namespaces/{namespace}/{plural}"):
                yield kind, item["metadata"]


def _kinds(kube: Kube) -> Iterator[tuple[str, str, str]]:
    groups = [_CORE]
    groups += [f"/apis/{group['preferredVersion']['groupVersion']}" for group in kube.get("/apis")["groups"]]
    seen: set[str] = set()
    for group in groups:
        with contextlib.suppress(SuiteError):
            for resource in kube.get(group)["resources"]:
                # Events are in two groups.
                if resource["namespaced"] and "list" in resource["verbs"] and resource["name"] not in seen:
                    seen.add(resource["name"])
                    yield group, resource["name"], resource["kind"]
