"""A kubeconfig that can only mean one cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from pathlib import Path


_FILES = {"certificate-authority", "client-certificate", "client-key", "tokenFile"}


def single_context(source: Path, context: str, target: Path) -> Path:
    """Write a copy of `source` to `target` whose current context is `context`, readable by this user alone.

    Clients that know no `--context` (pytest-helm-charts) then reach the same cluster as all the others.
    """
    content = yaml.safe_load(source.read_text())
    content["contexts"] = [entry for entry in content["contexts"] if entry["name"] == context]
    content["current-context"] = context
    for entry in (*content.get("clusters", ()), *content.get("users", ())):
        part = entry.get("cluster") or entry.get("user") or {}
        for field in _FILES & set(part):
            # A relative path is relative to the file that it stands in.
            part[field] = str(source.parent / part[field])
    target.touch(mode=0o600)
    target.write_text(yaml.safe_dump(content))
    return target
