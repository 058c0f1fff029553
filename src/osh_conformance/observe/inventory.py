"""Which objects of a Helm release there are."""

from __future__ import annotations

import contextlib
from collections import Counter
from typing import TYPE_CHECKING, Any

from osh_conformance.errors import SuiteError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from osh_conformance.cluster.api import Kube

#: Helm puts it on whatever a release owns; hooks have none.
_OWNER = "meta.helm.sh/release-name"
_CORE = "/api/v1"


def counted(kube: Kube, namespace: str) -> Mapping[str, int]:
    """How many objects of each kind there are in a namespace, whoever owns them."""
    return Counter(kind for kind, _ in _present(kube, namespace))


def objects(kube: Kube, namespace: str, release: str) -> tuple[str, ...]:
    """`Kind/name` of every object in a namespace that a release owns, of any kind that the API has."""
    return tuple(sorted(_owned(kube, namespace, release)))


def _owned(kube: Kube, namespace: str, release: str) -> Iterator[str]:
    for kind, metadata in _present(kube, namespace):
        if (metadata.get("annotations") or {}).get(_OWNER) == release:
            yield f"{kind}/{metadata['name']}"


def _present(kube: Kube, namespace: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for group, plural, kind in _kinds(kube):
        # An API of somebody's aggregated server may be away.
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
                # Events are in two groups, and no object of a release.
                if resource["namespaced"] and "list" in resource["verbs"] and resource["name"] not in seen:
                    seen.add(resource["name"])
                    yield group, resource["name"], resource["kind"]
