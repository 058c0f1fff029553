"""What somebody has, as text by name, and how two looks at it differ."""

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
    """One text for one content."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)


def digest(dump: Dump) -> str:
    """The digest of all parts of a dump, whatever their order."""
    return hashlib.sha256(canonical(dump).encode()).hexdigest()


def stable(item: Mapping[str, Any]) -> Mapping[str, Any]:
    """What of an API object is somebody's: not its status, nor what the API server notes."""
    meta = item["metadata"]
    if item["kind"] == "Node":
        # Its taints come and go with its kubelet's breath.
        return {"uid": meta["uid"], "labels": meta.get("labels", {})}
    names = ("annotations", "deletionTimestamp", "finalizers", "labels", "ownerReferences", "uid")
    dull = ("apiVersion", "kind", "metadata", "status")
    content = {name: part for name, part in item.items() if name not in dull}
    return {"metadata": {name: meta[name] for name in names if name in meta}, **content}


def object_name(item: Mapping[str, Any]) -> str:
    """How an API object is called here."""
    where = item["metadata"].get("namespace", "")
    return f"{item['kind']} {f'{where}/' if where else ''}{item['metadata']['name']}"


def compared(before: Dump, after: Dump) -> Change:
    """What came, went and changed."""
    return Change(
        added=tuple(sorted(set(after) - set(before))),
        lost=tuple(sorted(set(before) - set(after))),
        changed=tuple(sorted(name for name in set(before) & set(after) if before[name] != after[name])),
    )


def container(docker: Docker, name: str) -> Dump:
    """A container of the docker, with the moment of its start; nothing where there is none."""
    outcome = docker.run("container", "inspect", "--format", "{{json .}}", name, check=False)
    if not outcome.ok:
        return {}
    seen = json.loads(outcome.stdout)
    state = {part: seen["State"][part] for part in ("Status", "StartedAt", "Pid")}
    # In no order of their own.
    mounts = sorted(canonical(mount) for mount in seen["Mounts"])
    kept = {part: seen[part] for part in ("Id", "Image", "RestartCount", "Config", "HostConfig", "NetworkSettings")}
    return {f"container {name}": canonical({**kept, "State": state, "Mounts": mounts})}


def network(docker: Docker, name: str) -> Dump:
    """A network of the docker, and who is on it."""
    form = "{{.Id}} {{json .Labels}} {{json .IPAM}} {{json .Containers}}"
    outcome = docker.run("network", "inspect", "--format", form, name, check=False)
    return {f"network {name}": outcome.stdout} if outcome.ok else {}


def volume(docker: Docker, name: str) -> Dump:
    """A volume of the docker, without its content."""
    outcome = docker.run("volume", "inspect", "--format", "{{json .}}", name, check=False)
    return {f"volume {name}": outcome.stdout} if outcome.ok else {}


def files(*folders: Path) -> Dump:
    """Every file below some folders, with its mode and content."""
    found = {}
    for folder in folders:
        for path in sorted([folder, *folder.rglob("*")]):
            content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
            found[str(path)] = f"{path.stat().st_mode:o} {content}"
    return found
