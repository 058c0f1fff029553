"""Data files of a user, one of each kind, and a chart in the layout of their convention."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

TOYS = {
    "flavors": "name: toy\nsummary: s\n"
    "services: {keystone: docker.io/example/keystone:1.0.0, painter: docker.io/example/painter:latest}\n"
    "images: {dep_check: docker.io/example/entrypoint:1.0.0}\n",
    "formats": "name: toy\nsummary: s\nmanifest: oci\nsuffix: -toy\n",
    "runtimes": "name: toy\nsummary: s\ncri: containerd\nhandler: toy\nstate: ['/run/toy/{container}/toy.json']\n",
    "scenarios": "name: toy\nsummary: s\ndb_drop: true\nrules: [DROP-4]\nsteps: [{do: install}, {do: uninstall}]\n",
    "conventions": "name: toy\nimages: pictures\npull_policy: pull\ndb_drop: drop\n",
}


def write(folder: Path, kind: str, text: str, name: str = "toy.yaml") -> Path:
    """Write one data file, and return it."""
    (folder / kind).mkdir(parents=True, exist_ok=True)
    (folder / kind / name).write_text(text)
    return folder / kind / name


def write_all(folder: Path) -> Path:
    """Write a data file of each kind, and return the folder."""
    for kind, text in TOYS.items():
        write(folder, kind, text)
    return folder


def write_painter(folder: Path, tag: str = "latest") -> Path:
    """Write a chart in the layout of the toy convention, and return its folder."""
    files = {
        "Chart.yaml": "apiVersion: v2\nname: painter\nversion: 1.0.0\n",
        "values.yaml": f"pictures: {{api: 'docker.io/example/api:{tag}'}}\npull: IfNotPresent\ndrop: false\n",
        "templates/pod.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: api}\nspec:\n  containers:\n"
        "  - {name: api, image: {{ .Values.pictures.api }}, imagePullPolicy: {{ .Values.pull }}}\n",
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder
