"""A cluster that somebody else made: named by its kubeconfig file, never by what the shell happens to point at."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import yaml

from osh_conformance.cluster.cluster import NODE_EXEC, REGISTRY, Cluster
from osh_conformance.errors import SuiteError, UsageError
from osh_conformance.folders import default_folders

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_ANSWER = 10.0


def existing_cluster(kubeconfig: Path, context: str | None = None, allow_cluster: str | None = None) -> Cluster:
    """The cluster of a kubeconfig file, if this suite made it or `allow_cluster` repeats its name.

    Raises `UsageError` for a file, context or name that does not fit, `SuiteError` where the cluster does not answer.
    """
    name, named = check_named(kubeconfig, context, allow_cluster)
    path = kubeconfig.resolve()
    _check_answers(path, named)
    reason = "this suite did not start the cluster's nodes"
    return Cluster(
        name=name,
        kubeconfig=path,
        context=named,
        nodes=(),
        registry=None,
        owned=False,
        capabilities=MappingProxyType({REGISTRY: (False, reason), NODE_EXEC: (False, reason)}),
    )


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


def _check_answers(path: Path, context: str) -> None:
    # Heavy, and only in the extra `live`: imported where it is used.
    from kubernetes import client, config  # noqa: PLC0415

    try:
        api = config.new_client_from_config(config_file=str(path), context=context)
        client.VersionApi(api).get_code(_request_timeout=_ANSWER)
    except Exception as error:
        raise SuiteError(
            f"{path}: the cluster of context `{context}` does not answer", details=f"{type(error).__name__}: {error}"
        ) from error
