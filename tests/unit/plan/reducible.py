"""A small chart that makes and drops a database, with a toggle for each part, for tests of reduced runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from osh_conformance.charts.find import find_targets
from osh_conformance.charts.values import merged
from osh_conformance.loading import definitions
from osh_conformance.plan.reduction import reduction_of
from osh_conformance.render.engines.choice import choose

if TYPE_CHECKING:
    from pathlib import Path

    from osh_conformance.model.matrix import Flavor
    from osh_conformance.model.reduction import Reduction

_IMAGE = "docker.io/example/tools:1.2.3"
VALUES: dict[str, Any] = {
    "images": {"pull_policy": "IfNotPresent", "db_init": _IMAGE, "db_sync": _IMAGE, "db_drop": _IMAGE, "api": _IMAGE},
    "manifests": {
        "configmap_bin": True,
        "secret_db": True,
        "deployment_api": True,
        "job_db_init": True,
        "job_db_sync": True,
        "job_db_drop": False,
    },
    "database": {},
    "pod": {},
}


def guarded(toggle: str, text: str) -> str:
    """The text of a template that renders while a toggle is on."""
    return f"{{{{- if .Values.manifests.{toggle} }}}}\n{text}\n{{{{- end }}}}\n"


def job(name: str, key: str, **more: Any) -> str:
    """A Job on the image of a key, without an image for key "" (`more`: fields of its pod), which reads a password."""
    image = {"image": f"{{{{ .Values.images.{key} }}}}"} if key else {}
    variable = {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}}
    mount = {"name": "bin", "mountPath": "/bin/run.sh", "subPath": "run.sh"}
    spec = {
        "restartPolicy": "Never",
        "containers": [{"name": "main", **image, "env": [variable], "volumeMounts": [mount]}],
        "volumes": [{"name": "bin", "configMap": {"name": "bin"}}],
        **more,
    }
    return document("Job", name, spec={"template": {"spec": spec}})


def document(kind: str, name: str, **content: Any) -> str:
    """An object as YAML. Actions of templates in it stay as they are."""
    versions = {"Job": "batch/v1", "Deployment": "apps/v1"}
    return yaml.safe_dump(
        {"apiVersion": versions.get(kind, "v1"), "kind": kind, "metadata": {"name": name}, **content}, width=1000
    )


def deployment(name: str, key: str = "api", **container: Any) -> str:
    """A Deployment of one container."""
    entry = {"name": "main", "image": f"{{{{ .Values.images.{key} }}}}", **container}
    return document("Deployment", name, spec={"template": {"spec": {"containers": [entry]}}})


TEMPLATES = {
    "configmap-bin": guarded("configmap_bin", document("ConfigMap", "bin", data={"run.sh": "true", "api.sh": "true"})),
    "secret-db": guarded("secret_db", document("Secret", "db", stringData={"password": "p"})),
    "deployment-api": guarded("deployment_api", deployment("api")),
    "job-db-init": guarded("job_db_init", job("db-init", "db_init")),
    "job-db-sync": guarded("job_db_sync", job("db-sync", "db_sync")),
    "job-db-drop": guarded("job_db_drop", job("db-drop", "db_drop")),
}


def chart(folder: Path, values: dict[str, Any] | None = None, name: str = "service", **templates: str | None) -> Path:
    """Write the chart with further values and templates; `job_db_drop=None` leaves out templates/job-db-drop.yaml."""
    made = folder / name
    (made / "templates").mkdir(parents=True)
    (made / "Chart.yaml").write_text(f"apiVersion: v2\nname: {name}\nversion: 1.0.0\n")
    (made / "values.yaml").write_text(yaml.safe_dump(merged(VALUES, values or {})))
    for file, text in {**TEMPLATES, **{key.replace("_", "-"): text for key, text in templates.items()}}.items():
        if text is not None:
            (made / "templates" / f"{file}.yaml").write_text(text)
    return made


def reduced(path: Path, flavor: Flavor | None = None, given: dict[str, Any] | None = None) -> Reduction:
    """The reduction of a chart, with values of the user."""
    (target,) = find_targets((path,), values=given or {})
    assert target.recognised
    return reduction_of(target, target.recognised, flavor or definitions.flavors()["client"], choose())
