"""Git repositories with charts, for tests."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_IDENTITY = (
    *("-c", "user.name=a", "-c", "user.email=a@example.invalid", "-c", "commit.gpgsign=false"),
    *("-c", "tag.gpgsign=false"),
)
LIBRARY = 'dependencies:\n- {name: lib, version: 1.0.0, repository: "file://../lib"}\n'
#: What the convention `reference` recognises.
VALUES = "images:\n  pull_policy: IfNotPresent\n  api: docker.io/example/api:1.2.3\n"


def git(repository: Path, *words: str) -> str:
    """Run git in a repository, and return its output."""
    argv = ["git", *_IDENTITY, "-C", str(repository), *words]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()


def chart(folder: Path, name: str = "", more: str = "", values: str = VALUES) -> Path:
    """Write a chart; its name is that of the folder unless it is given."""
    (folder / "templates").mkdir(parents=True)
    (folder / "Chart.yaml").write_text(f"apiVersion: v2\nname: {name or folder.name}\nversion: 1.0.0\n{more}")
    (folder / "values.yaml").write_text(values)
    return folder


def repository(folder: Path) -> str:
    """Create a repository with the charts `api` and `lib`, on which `api` depends, and return its commit."""
    chart(folder / "lib", more="type: library\n", values="")
    chart(folder / "api", more=LIBRARY)
    (folder / "api" / "templates" / "pod.yaml").write_text(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: api}\nspec:\n  containers:\n"
        "  - {name: api, image: {{ .Values.images.api }}, imagePullPolicy: {{ .Values.images.pull_policy }}}\n"
    )
    git(folder, "init", "-q", "-b", "main")
    return commit(folder)


def commit(folder: Path, message: str = "first") -> str:
    """Commit everything, and return the commit's id."""
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", message)
    return git(folder, "rev-parse", "HEAD")
