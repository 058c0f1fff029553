"""What a person needs to see why a cell went wrong, with secrets taken out."""

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
    site: CellContext,
    releases: Iterable[str],
    folder: Path,
    more: Mapping[str, Callable[[], str]] = MappingProxyType({}),
) -> None:
    """Write events, objects, logs (the previous ones and those of deleted pods too) and helm's word below `folder`.

    `more` are other sources by file name. What cannot be had is said in its file; nothing is raised.
    """
    site.secrets.learn()
    redact = site.secrets.redact
    sources: dict[str, Callable[[], str]] = {
        "state.txt": site.watch.state,
        "events.txt": partial(_events, site),
        **{f"objects/{kind}.yaml": partial(_objects, site, path) for kind, path in _LISTS.items()},
        **{f"helm-{release}.txt": partial(site.helm.status, release, site.namespace) for release in releases},
        **_logs(site),
        **more,
    }
    for name, source in sources.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(redact(_tried(source)), encoding="utf-8")


def _tried(source: Callable[[], str]) -> str:
    try:
        return source()
    except Exception as error:  # noqa: BLE001 - one piece of evidence that cannot be had must not hide the others
        return f"(not to be had: {error})"


def _objects(site: CellContext, path: str) -> str:
    # Before YAML escapes and folds what it writes.
    return yaml.safe_dump_all(_redacted(site.kube.list(path.format(site.namespace)), site.secrets.redact))


def _redacted(value: Any, redact: Callable[[str], str]) -> Any:
    if isinstance(value, dict):
        return {key: _redacted(entry, redact) for key, entry in value.items()}
    if isinstance(value, list):
        return [_redacted(entry, redact) for entry in value]
    return redact(value) if isinstance(value, str) else value


def _logs(site: CellContext) -> dict[str, Callable[[], str]]:
    kept = {f"logs/{key.replace(' ', '.')}.log": partial(str, text) for key, text in site.watch.logs.items()}
    running = {}
    for pod in site.watch.view().pods.values():
        for status in container_statuses(pod):
            name, container = pod["metadata"]["name"], status["name"]
            if "running" in status.get("state", {}):
                running[f"logs/{name}.{container}.log"] = partial(site.kube.log, site.namespace, name, container)
            if status.get("restartCount"):
                read = partial(site.kube.log, site.namespace, name, container, previous=True)
                running[f"logs/{name}.{container}.previous.log"] = read
    return {**kept, **running}


def _events(site: CellContext) -> str:
    events = site.kube.list(f"/api/v1/namespaces/{site.namespace}/events")
    events.sort(key=lambda e: str(e.get("lastTimestamp") or e.get("eventTime") or ""))
    return "\n".join(_event_line(event) for event in events)


def _event_line(event: Object) -> str:
    involved = event["involvedObject"]
    when = event.get("lastTimestamp") or event.get("eventTime") or "-"
    where = f"{involved['kind']}/{involved.get('name')}"
    return f"{when}  {event.get('type')}  {event.get('reason')}  {where}  {event.get('message')}"
