"""What the containers of some pods printed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.observe.pod_status import container_statuses

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from osh_conformance.observe.context import CellContext
    from osh_conformance.observe.pod_status import Object

#: Seconds within which the log of a container that ended is read.
_READ_WITHIN = 5.0


def wait_for_logs(context: CellContext, pods: Sequence[Object]) -> None:
    """Wait a moment until the logs of the containers of these pods that ended are read."""
    context.watch.watch_for(lambda _: context.watch.logs_are_read(pods) or None, seconds=_READ_WITHIN)


def ends_of_logs(context: CellContext, pods: Sequence[Object], lines: int) -> Mapping[str, str]:
    """Return the last lines that the containers of these pods printed, without secrets, by `pod container`.

    Of a container that ended several times it is the latest attempt. The log of a running one is read now; if that has
    printed nothing yet, it is the attempt before.
    """
    wait_for_logs(context, pods)
    found = {
        f"{pod['metadata']['name']} {status['name']}": _log(context, pod, status)
        for pod in pods
        for status in container_statuses(pod)
    }
    return {name: context.secrets.redact("\n".join(text.splitlines()[-lines:])) for name, text in found.items() if text}


def _log(context: CellContext, pod: Object, status: Object) -> str:
    name, container, latest = pod["metadata"]["name"], status["name"], status.get("restartCount", 0)
    if "running" in status.get("state", {}):
        now = context.kube.log(context.namespace, name, container)
        if now.strip():
            return now
        latest -= 1
    return context.watch.logs.get(f"{name} {container} {latest}", "")
