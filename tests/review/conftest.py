"""Tests that need the programs of `tox -e review`: they run only when they are named (`pytest tests/review`)."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.case_charts import case
from tests.named import is_named

_HERE = Path(__file__).parent


def pytest_ignore_collect(config: pytest.Config) -> bool | None:
    """Leave out the tests of this folder, unless the command line names it: they import modules of those programs."""
    return None if is_named(_HERE, config) else True


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    """A git repository with two charts that break REF-2, of which the last commit has changed one."""
    tree = tmp_path / "tree"
    for name in ("old", "new"):
        shutil.copytree(case("ref-2-latest"), tree / "charts" / name)
        metadata = tree / "charts" / name / "Chart.yaml"
        metadata.write_text(metadata.read_text().replace("name: ref-2-latest", f"name: {name}"))
    _git(tree, "init", "--quiet")
    _commit(tree, "before")
    with (tree / "charts" / "new" / "values.yaml").open("a") as values:
        values.write("# changed\n")
    _commit(tree, "after")
    return tree


def _commit(tree: Path, message: str) -> None:
    _git(tree, "add", ".")
    _git(tree, "-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "--quiet", "-m", message)


def _git(tree: Path, *arguments: str) -> None:
    git = shutil.which("git") or "git"
    subprocess.run([git, "-C", tree, *arguments], check=True)
