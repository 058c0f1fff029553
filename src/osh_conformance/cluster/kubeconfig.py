"""A kubeconfig that can only mean one cluster."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from pathlib import Path


_DATA = ("certificate-authority", "client-certificate", "client-key")
_FILES = {*_DATA, "tokenFile"}


def single_context(source: Path, context: str, target: Path) -> Path:
    """Write a copy of `source` to `target` whose current context is `context`, readable by this user alone.

    Clients that know no `--context` (pytest-helm-charts) then reach the same cluster as all the others. Certificates
    and keys lie beside it: the clients would write them to files that outlive a killed run.
    """
    content = yaml.safe_load(source.read_text())
    content["contexts"] = [entry for entry in content["contexts"] if entry["name"] == context]
    content["current-context"] = context
    for entry in (*content.get("clusters", ()), *content.get("users", ())):
        part = entry.get("cluster") or entry.get("user") or {}
        for field in _FILES & set(part):
            # A relative path is relative to the file that it stands in.
            part[field] = str(source.parent / part[field])
        for field in _DATA:
            if data := part.pop(f"{field}-data", None):
                file = target.with_name(f"{target.name}-{entry['name']}.{field}".replace("/", "_"))
                part[field] = str(_private(file, base64.b64decode(data)))
    return _private(target, yaml.safe_dump(content).encode())


def _private(file: Path, content: bytes) -> Path:
    file.touch(mode=0o600)
    file.write_bytes(content)
    return file
