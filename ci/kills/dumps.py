"""Dumps of a bystander's parts, as text by name, and the differences between two dumps."""

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
    """The differences between a dump and an earlier one, by the names of the parts."""

    added: tuple[str, ...]
    lost: tuple[str, ...]
    changed: tuple[str, ...]


def canonical(value: Any) -> str:
    """Return the same text for the same content."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)


def digest(dump: Dump) -> str:
    """Return the digest of all parts of a dump, in any order."""
    return hashlib.sha256(canonical(dump).encode()).hexdigest()


def stable(item: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an API object without its status and the API server's own fields."""
    meta = item["metadata"]
    if item["kind"] == "Node":
        # The taints of a node change with the state of its kubelet.
        return {"uid": meta["uid"], "labels": meta.get("labels", {})}
    names = ("annotations", "deletionTimestamp", "finalizers", "labels", "ownerReferences", "uid")
    ignored = ("apiVersion", "kind", "metadata", "status")
    content = {name: part for name, part in item.items() if name not in ignored}
    return {"metadata": {name: meta[name] for name in names if name in meta}, **content}


def object_name(item: Mapping[str, Any]) -> str:
    """Return the name of an API object in dumps."""
    where = item["metadata"].get("namespace", "")
    return f"{item['kind']} {f'{where}/' if where else ''}{item['metadata']['name']}"


def compared(before: Dump, after: Dump) -> Change:
    """Compare two dumps."""
    return Change(
        added=tuple(sorted(set(after) - set(before))),
        lost=tuple(sorted(set(before) - set(after))),
        changed=tuple(sorted(name for name in set(before) & set(after) if before[name] != after[name])),
    )


def container(docker: Docker, name: str) -> Dump:
    """Return a container with the time of its start; empty if there is none."""
    outcome = docker.run("container", "inspect", "--format", "{{json .}}", name, check=False)
    if not outcome.ok:
        return {}
    inspected = json.loads(outcome.stdout)
    state = {part: inspected["State"][part] for part in ("Status", "StartedAt", "Pid")}
    # Docker lists mounts in any order.
    mounts = sorted(canonical(mount) for mount in inspected["Mounts"])
    kept = {
        part: inspected[part] for part in ("Id", "Image", "RestartCount", "Config", "HostConfig", "NetworkSettings")
    }
    return {f"container {name}": canonical({**kept, "State": state, "Mounts": mounts})}


def network(docker: Docker, name: str) -> Dump:
    """Return a network and the containers on it; empty if there is none."""
    template = "{{.Id}} {{json .Labels}} {{json .IPAM}} {{json .Containers}}"
    outcome = docker.run("network", "inspect", "--format", template, name, check=False)
    return {f"network {name}": outcome.stdout} if outcome.ok else {}


def volume(docker: Docker, name: str) -> Dump:
    """Return a volume without its content; empty if there is none."""
    outcome = docker.run("volume", "inspect", "--format", "{{json .}}", name, check=False)
    return {f"volume {name}": outcome.stdout} if outcome.ok else {}


def files(*folders: Path) -> Dump:
    """Return the mode and the content's digest of every file below some folders."""
    found = {}
    for folder in folders:
        for path in sorted([folder, *folder.rglob("*")]):
            content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
            found[str(path)] = f"{path.stat().st_mode:o} {content}"
    return found
