"""Kubeconfig files: which cluster a file and a context name, and copies with one context only."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import yaml

from osh_conformance.errors import UsageError
from osh_conformance.folders import default_folders, write_private

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


_DATA = ("certificate-authority", "client-certificate", "client-key")
_FILES = {*_DATA, "tokenFile"}


def single_context(source: Path, context: str, target: Path) -> Path:
    """Write a copy of `source` with the only context `context` to `target`, readable by this user only.

    pytest-helm-charts has no option for the context, so it uses the current one. Certificates and keys are written to
    files beside the copy: clients would write them to temporary files, which remain after a killed run.
    """
    content = yaml.safe_load(source.read_text())
    content["contexts"] = [entry for entry in content["contexts"] if entry["name"] == context]
    content["current-context"] = context
    for entry in (*content.get("clusters", ()), *content.get("users", ())):
        part = entry.get("cluster") or entry.get("user") or {}
        for field in _FILES & set(part):
            # A path is relative to its kubeconfig file.
            part[field] = str(source.parent / part[field])
        for field in _DATA:
            if data := part.pop(f"{field}-data", None):
                file = target.with_name(f"{target.name}-{entry['name']}.{field}".replace("/", "_"))
                part[field] = str(write_private(file, base64.b64decode(data)))
    return write_private(target, yaml.safe_dump(content))


def check_named(kubeconfig: Path, context: str | None = None, allow_cluster: str | None = None) -> tuple[str, str]:
    """Return the names of the cluster and the context. Reads only the file; raises `UsageError`.

    `allow_cluster` must repeat the name of a cluster that this suite did not make. `context` None is the only one.
    """
    entry = _context(kubeconfig, _load(kubeconfig), context)
    name = str((entry.get("context") or {}).get("cluster", ""))
    ours = kubeconfig.resolve().is_relative_to(default_folders().runs)
    if not ours and allow_cluster not in (name, entry["name"]):
        given = f"; --allow-cluster says `{allow_cluster}`" if allow_cluster else ""
        raise UsageError(
            f"{kubeconfig}: this suite did not make the cluster `{name}`{given}",
            expected="its name in --allow-cluster, because the suite installs charts and deletes namespaces there",
            fix=f"--allow-cluster {name}",
        )
    return name, str(entry["name"])


def _load(path: Path) -> Mapping[str, Any]:
    try:
        data = yaml.safe_load(path.read_text())
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}", expected="a kubeconfig file") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: is not YAML: {error}", expected="a kubeconfig file") from error
    if not isinstance(data, dict) or not isinstance(data.get("contexts"), list):
        raise UsageError(f"{path}: has no contexts", expected="a kubeconfig file")
    return data


def _context(path: Path, data: Mapping[str, Any], name: str | None) -> Mapping[str, Any]:
    contexts = {str(entry["name"]): entry for entry in data["contexts"] if isinstance(entry, dict) and "name" in entry}
    names = ", ".join(sorted(contexts)) or "none"
    if name is None:
        # The current-context may be left from other work, so the user must name one of several.
        if len(contexts) != 1:
            raise UsageError(f"{path}: has {len(contexts)} contexts", expected=f"one of: {names}", fix="--context NAME")
        return next(iter(contexts.values()))
    if name not in contexts:
        raise UsageError(f"{path}: has no context `{name}`", expected=f"one of: {names}")
    return contexts[name]
