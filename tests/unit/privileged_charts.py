"""Charts that request privileged access, and the Pod Security labels of a namespace at each level."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from osh_conformance.config.engine_options import LiveOptions
from osh_conformance.errors import UsageError
from osh_conformance.plan.plan import LiveSuite
from tests.paths import KEYSTONE

if TYPE_CHECKING:
    from pathlib import Path

LEVELS = {
    "baseline": {"pod-security.kubernetes.io/enforce": "baseline", "pod-security.kubernetes.io/warn": "baseline"},
    "privileged": {"pod-security.kubernetes.io/enforce": "privileged", "pod-security.kubernetes.io/warn": "privileged"},
}


PRIVILEGED_POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "agent"},
    "spec": {
        "containers": [
            {"name": "agent", "image": "docker.io/example/agent:1.0.0", "securityContext": {"privileged": True}}
        ],
        "volumes": [{"name": "run", "hostPath": {"path": "/run"}}],
    },
}
ROLE = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "reader"}}
HOOK = {"metadata": {"name": "agent", "annotations": {"helm.sh/hook": "pre-delete"}}}


def chart(folder: Path, name: str, **files: Any) -> Path:
    """A copy of our own chart under another name, with more files: `templates__agent` is templates/agent.yaml."""
    library = folder / "library"
    folder.mkdir(exist_ok=True)
    if not library.exists():
        shutil.copytree(KEYSTONE.parent / "library", library)
    made = shutil.copytree(KEYSTONE, folder / name)
    file = made / "Chart.yaml"
    file.write_text(file.read_text().replace("name: keystone\n", f"name: {name}\n"))
    for place, content in files.items():
        target = made / place.replace("__", "/")
        target = target.with_name(f"{target.name}.yaml")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return made


def suite(*paths: Path, **options: Any) -> LiveSuite:
    return LiveSuite(LiveOptions(paths=paths, flavors=("shipped",), **options))


def refused(*paths: Path, **options: Any) -> str:
    """The message of the error with which a run stops."""
    with pytest.raises(UsageError) as caught:
        suite(*paths, **options)
    return str(caught.value)
