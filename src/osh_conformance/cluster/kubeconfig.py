"""A kubeconfig that can only mean one cluster."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import yaml

from osh_conformance.errors import UsageError
from osh_conformance.folders import default_folders

if TYPE_CHECKING:
    from collections.abc import Mapping
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


def check_named(kubeconfig: Path, context: str | None = None, allow_cluster: str | None = None) -> tuple[str, str]:
    """The names of the cluster and context that are meant. Reads the file, asks nobody; raises `UsageError`."""
    entry = _context(kubeconfig, _load(kubeconfig), context)
    name = str((entry.get("context") or {}).get("cluster", ""))
    ours = kubeconfig.resolve().is_relative_to(default_folders().runs)
    if not ours and allow_cluster not in (name, entry["name"]):
        asked = f"; --allow-cluster says `{allow_cluster}`" if allow_cluster else ""
        raise UsageError(
            f"{kubeconfig}: this suite did not make the cluster `{name}`{asked}",
            expected="its name repeated, because the suite installs charts there and deletes namespaces",
            fix=f"--allow-cluster {name}",
        )
    return name, str(entry["name"])


def _load(path: Path) -> Mapping[str, Any]:
    try:
        data = yaml.safe_load(path.read_text())
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}", expected="a kubeconfig file") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: is no YAML: {error}", expected="a kubeconfig file") from error
    if not isinstance(data, dict) or not isinstance(data.get("contexts"), list):
        raise UsageError(f"{path}: has no contexts", expected="a kubeconfig file")
    return data


def _context(path: Path, data: Mapping[str, Any], asked: str | None) -> Mapping[str, Any]:
    found = {str(entry["name"]): entry for entry in data["contexts"] if isinstance(entry, dict) and "name" in entry}
    names = ", ".join(sorted(found)) or "none"
    if asked is None:
        # A file's current-context is what somebody last worked with: of several, one must be named.
        if len(found) != 1:
            raise UsageError(f"{path}: which context?", expected=f"one of: {names}", fix="--context NAME")
        return next(iter(found.values()))
    if asked not in found:
        raise UsageError(f"{path}: has no context `{asked}`", expected=f"one of: {names}")
    return found[asked]
