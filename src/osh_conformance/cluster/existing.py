"""An existing cluster: named by its kubeconfig file, never by the shell's environment."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from osh_conformance.cluster.cluster import NODE_EXEC, REGISTRY, Cluster
from osh_conformance.cluster.kubeconfig import check_named
from osh_conformance.errors import SuiteError

if TYPE_CHECKING:
    from pathlib import Path

_ANSWER = 10.0


def existing_cluster(kubeconfig: Path, context: str | None = None, allow_cluster: str | None = None) -> Cluster:
    """Return the cluster of a kubeconfig file, if this suite created it or `allow_cluster` repeats its name.

    Raises `UsageError` for a wrong file, context or name, and `SuiteError` if the cluster does not answer.
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


def _check_answers(path: Path, context: str) -> None:
    # Heavy, and only in the extra `live`, so it is imported where it is used.
    from kubernetes import client  # noqa: PLC0415

    from osh_conformance.cluster.api import new_client  # noqa: PLC0415

    try:
        api = new_client(path, context)
        # The client would ask four times, and wait as long each time.
        api.rest_client.pool_manager.connection_pool_kw["retries"] = False
        client.VersionApi(api).get_code(_request_timeout=_ANSWER)
    except Exception as error:
        raise SuiteError(
            f"{path}: the cluster of context `{context}` does not answer",
            expected=f"an answer of its API server within {_ANSWER:g} s",
            fix=f"check the cluster and the network: kubectl --kubeconfig {path} --context {context} get nodes",
            details=f"{type(error).__name__}: {error}",
        ) from error
