"""The Secret with which the pods of a cell pull."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from osh_conformance.model.convention import PULL_SECRET

if TYPE_CHECKING:
    from osh_conformance.observe.context import CellContext

_TYPE = "kubernetes.io/dockerconfigjson"


def create(content: str, context: CellContext) -> None:
    """Create the Secret in a namespace, unless `content` is "". Raises `SuiteError`."""
    if not content:
        return
    manifest = {
        "metadata": {"name": PULL_SECRET},
        "type": _TYPE,
        "data": {".dockerconfigjson": base64.b64encode(content.encode()).decode()},
    }
    context.kube.ensure(f"/api/v1/namespaces/{context.namespace}/secrets", manifest)
