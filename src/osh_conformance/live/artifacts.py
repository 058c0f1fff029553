"""Collects the logs and objects that show why a cell failed, without secrets."""

from __future__ import annotations

from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import yaml

from osh_conformance.observe.pod_status import container_statuses

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from osh_conformance.observe.context import CellContext
    from osh_conformance.observe.pod_status import Object

_LISTS = {
    "pods": "/api/v1/namespaces/{}/pods",
    "services": "/api/v1/namespaces/{}/services",
    "configmaps": "/api/v1/namespaces/{}/configmaps",
    "jobs": "/apis/batch/v1/namespaces/{}/jobs",
    "deployments": "/apis/apps/v1/namespaces/{}/deployments",
    "statefulsets": "/apis/apps/v1/namespaces/{}/statefulsets",
}


def collect(
    context: CellContext,
    releases: Iterable[str],
    folder: Path,
    more: Mapping[str, Callable[[], str]] = MappingProxyType({}),
) -> None:
    """Write events, objects, logs (of previous containers and deleted pods too) and helm's status below `folder`.

    `more` are other sources by file name. A source that fails writes its error into its file; nothing is raised.
    """
    context.secrets.learn()
    redact = context.secrets.redact
    sources: dict[str, Callable[[], str]] = {
        "state.txt": context.watch.state,
        "events.txt": partial(_events, context),
        **{f"objects/{kind}.yaml": partial(_objects, context, path) for kind, path in _LISTS.items()},
        **{f"helm-{release}.txt": partial(context.helm.status, release, context.namespace) for release in releases},
        **_logs(context),
        **more,
    }
    for name, source in sources.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(redact(_tried(source)), encoding="utf-8")


def _tried(source: Callable[[], str]) -> str:
    try:
        return source()
    except Exception as error:  # noqa: BLE001 - one source that fails must not hide the others
        return f"(not available: {error})"


def _objects(context: CellContext, path: str) -> str:
    # Redact before YAML escapes and folds the texts.
    return yaml.safe_dump_all(_redacted(context.kube.list(path.format(context.namespace)), context.secrets.redact))


def _redacted(value: Any, redact: Callable[[str], str]) -> Any:
    if isinstance(value, dict):
        return {key: _redacted(entry, redact) for key, entry in value.items()}
    if isinstance(value, list):
        return [_redacted(entry, redact) for entry in value]
    return redact(value) if isinstance(value, str) else value


def _logs(context: CellContext) -> dict[str, Callable[[], str]]:
    kept = {f"logs/{key.replace(' ', '.')}.log": partial(str, text) for key, text in context.watch.logs.items()}
    running = {}
    for pod in context.watch.view().pods.values():
        for status in container_statuses(pod):
            name, container = pod["metadata"]["name"], status["name"]
            if "running" in status.get("state", {}):
                running[f"logs/{name}.{container}.log"] = partial(context.kube.log, context.namespace, name, container)
            if status.get("restartCount"):
                read = partial(context.kube.log, context.namespace, name, container, previous=True)
                running[f"logs/{name}.{container}.previous.log"] = read
    return {**kept, **running}


def _events(context: CellContext) -> str:
    events = context.kube.list(f"/api/v1/namespaces/{context.namespace}/events")
    events.sort(key=lambda e: str(e.get("lastTimestamp") or e.get("eventTime") or ""))
    return "\n".join(_event_line(event) for event in events)


def _event_line(event: Object) -> str:
    involved = event["involvedObject"]
    when = event.get("lastTimestamp") or event.get("eventTime") or "-"
    where = f"{involved['kind']}/{involved.get('name')}"
    return f"{when}  {event.get('type')}  {event.get('reason')}  {where}  {event.get('message')}"
