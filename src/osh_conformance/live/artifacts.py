"""Keeps what a cell run observed, and collects the logs and objects that show why it failed; without secrets."""

from __future__ import annotations

import shutil
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING

import msgspec
import yaml

from osh_conformance.live.removed_data import drop_logs
from osh_conformance.observe.pod_status import container_statuses

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from osh_conformance.model.observation import Observation
    from osh_conformance.observe.context import CellContext
    from osh_conformance.observe.known_secrets import KnownSecrets
    from osh_conformance.observe.pod_status import Object

_LISTS = {
    "pods": "/api/v1/namespaces/{}/pods",
    "services": "/api/v1/namespaces/{}/services",
    "configmaps": "/api/v1/namespaces/{}/configmaps",
    "jobs": "/apis/batch/v1/namespaces/{}/jobs",
    "deployments": "/apis/apps/v1/namespaces/{}/deployments",
    "statefulsets": "/apis/apps/v1/namespaces/{}/statefulsets",
}


#: The names that a cell run may write in its folder.
_KEPT = ("observation.json", "drop-job", "end", "error", "not-ready")


def clear(folder: Path) -> None:
    """Remove what an earlier run kept in the folder of a cell run: it would seem to be of this one."""
    for name in _KEPT:
        path = folder / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


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


def keep(observation: Observation, folder: Path, secrets: KnownSecrets) -> None:
    """Write the observation to `folder`, and below `drop-job` what the drop Jobs of its uninstalls printed."""
    seen = secrets.redact_values(msgspec.to_builtins(observation))
    files = {
        "observation.json": msgspec.json.format(msgspec.json.encode(seen)).decode(),
        **{
            f"drop-job/{name.replace(' ', '.')}.log": secrets.redact(log)
            for removal in observation.removals
            for name, log in drop_logs(removal).items()
        },
    }
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")


def _tried(source: Callable[[], str]) -> str:
    try:
        return source()
    except Exception as error:  # noqa: BLE001 - one source that fails must not hide the others
        return f"(not available: {error})"


def _objects(context: CellContext, path: str) -> str:
    # Redact before YAML escapes and folds the texts.
    return yaml.safe_dump_all(context.secrets.redact_values(context.kube.list(path.format(context.namespace))))


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
