"""Says which charts a container runtime cannot run: their pods request a privilege that it cannot give."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from osh_conformance.manifests.privileges import Reason
    from osh_conformance.model.matrix import ContainerRuntime


def beyond(runtime: ContainerRuntime | None, requests: Iterable[Reason]) -> str:
    """Return each privilege that a runtime cannot give to the pods that request it, and why; "" if it can give all.

    The runtime None, the nodes' own, has no limits.
    """
    by_privilege: dict[str, list[Reason]] = {}
    for each in dict.fromkeys(requests):
        if each.of_pods:
            by_privilege.setdefault(each.asks, []).append(each)
    parts = [
        f"{limit.privilege}, requested by {', '.join(_named(by_privilege[limit.privilege]))}: {limit.reason}"
        for limit in (runtime.limits if runtime else ())
        if limit.privilege in by_privilege
    ]
    return f"{runtime.name} cannot give {'; nor '.join(parts)}" if runtime and parts else ""


def _named(requests: Iterable[Reason]) -> Iterator[str]:
    """Yield each object once, with the containers that request it if its pods do not as a whole."""
    containers: dict[str, list[str]] = {}
    for each in requests:
        containers.setdefault(each.object, []).extend([each.container] if each.container else [])
    yield from (f"{name} ({', '.join(found)})" if found else name for name, found in containers.items())
