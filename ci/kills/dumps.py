"""Dumps of what a bystander has, as text by name, and their differences."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from osh_conformance.provision.docker import Docker

Dump = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """How a dump differs from an earlier one, by the names of its parts."""

    added: tuple[str, ...]
    lost: tuple[str, ...]
    changed: tuple[str, ...]


def canonical(value: Any) -> str:
    """Return the same text for the same content."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)


def digest(dump: Dump) -> str:
    """Return the digest of all parts of a dump, independent of their order."""
    return hashlib.sha256(canonical(dump).encode()).hexdigest()


def stable(item: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an API object without its status and without the fields that the API server maintains."""
    meta = item["metadata"]
    if item["kind"] == "Node":
        # The node controller adds and removes taints at any time.
        return {"uid": meta["uid"], "labels": meta.get("labels", {})}
    names = ("annotations", "deletionTimestamp", "finalizers", "labels", "ownerReferences", "uid")
    dull = ("apiVersion", "kind", "metadata", "status")
    content = {name: part for name, part in item.items() if name not in dull}
    return {"metadata": {name: meta[name] for name in names if name in meta}, **content}


def object_name(item: Mapping[str, Any]) -> str:
    """Return kind, namespace and name of an API object."""
    where = item["metadata"].get("namespace", "")
    return f"{item['kind']} {f'{where}/' if where else ''}{item['metadata']['name']}"


def compared(before: Dump, after: Dump) -> Change:
    """Return what was added, lost and changed."""
    return Change(
        added=tuple(sorted(set(after) - set(before))),
        lost=tuple(sorted(set(before) - set(after))),
        changed=tuple(sorted(name for name in set(before) & set(after) if before[name] != after[name])),
    )


def container(engine: Docker, name: str) -> Dump:
    """Dump a Docker container with its start time; empty if it does not exist."""
    outcome = engine.run("container", "inspect", "--format", "{{json .}}", name, check=False)
    if not outcome.ok:
        return {}
    seen = json.loads(outcome.stdout)
    state = {part: seen["State"][part] for part in ("Status", "StartedAt", "Pid")}
    # Docker lists them in no fixed order.
    mounts = sorted(canonical(mount) for mount in seen["Mounts"])
    kept = {part: seen[part] for part in ("Id", "Image", "RestartCount", "Config", "HostConfig", "NetworkSettings")}
    return {f"container {name}": canonical({**kept, "State": state, "Mounts": mounts})}


def network(engine: Docker, name: str) -> Dump:
    """Dump a Docker network with its containers; empty if it does not exist."""
    form = "{{.Id}} {{json .Labels}} {{json .IPAM}} {{json .Containers}}"
    outcome = engine.run("network", "inspect", "--format", form, name, check=False)
    return {f"network {name}": outcome.stdout} if outcome.ok else {}


def volume(engine: Docker, name: str) -> Dump:
    """Dump a Docker volume without its content; empty if it does not exist."""
    outcome = engine.run("volume", "inspect", "--format", "{{json .}}", name, check=False)
    return {f"volume {name}": outcome.stdout} if outcome.ok else {}


def files(*folders: Path) -> Dump:
    """Dump every file in some folders, with mode and digest."""
    found = {}
    for folder in folders:
        for path in sorted([folder, *folder.rglob("*")]):
            content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
            found[str(path)] = f"{path.stat().st_mode:o} {content}"
    return found
