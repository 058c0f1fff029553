"""A Job with one container, and objects that it mounts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from osh_conformance.manifests.pods import pods
from osh_conformance.model.chart import Document, RenderedChart, Rendering
from osh_conformance.render.parse import containers_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from osh_conformance.manifests.pods import Pod

_VOLUMES = [
    {"name": "bin", "configMap": {"name": "bin"}},
    {"name": "etc", "secret": {"secretName": "etc", "items": [{"key": "conf", "path": "renamed.conf"}]}},
    {"name": "tmp", "emptyDir": {}},
    {"name": "host", "hostPath": {"path": "/"}},
    {"name": "elsewhere", "secret": {"secretName": "made-by-hand"}},
]
_MOUNTS = [
    {"name": "bin", "mountPath": "/scripts"},
    {"name": "etc", "mountPath": "/etc/service/"},
    {"name": "bin", "mountPath": "/work-dir/run.py", "subPath": "run.py"},
    {"name": "tmp", "mountPath": "/work-dir"},
    {"name": "host", "mountPath": "/host"},
    {"name": "elsewhere", "mountPath": "/elsewhere"},
]


def pod(container: Mapping[str, Any], *objects: Mapping[str, Any]) -> tuple[Pod, Mapping[str, Any]]:
    """A Job with one container, beside `objects`."""
    entry = {"name": "db-init", "image": "a", "volumeMounts": _MOUNTS, **container}
    job = {
        "kind": "Job",
        "metadata": {"name": "db-init"},
        "spec": {"template": {"spec": {"containers": [entry], "volumes": _VOLUMES}}},
    }
    documents = tuple(
        Document(template="templates/x.yaml", occurrence=number, content=content)
        for number, content in enumerate((job, *objects))
    )
    rendering = Rendering(name="shipped", values={}, documents=documents, containers=containers_in(documents))
    chart = RenderedChart(name="x", version="1", folder="", convention=None, containers=rendering.containers)
    (pod,) = pods(chart, rendering)
    return pod, entry


def config_map(**data: str) -> dict[str, Any]:
    return {"kind": "ConfigMap", "metadata": {"name": "bin"}, "data": data}


def secret(**data: str) -> dict[str, Any]:
    return {"kind": "Secret", "metadata": {"name": "etc"}, "stringData": data}
