"""The examples of docs/review.md: each is what its system takes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.paths import ROOT

_PROGRAMS = Path(sys.executable).parent
_ACTIONLINT = ("go", "run", "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12")
_SCHEMA = (str(_PROGRAMS / "check-jsonschema"), "--builtin-schema")


def _example(heading: str) -> str:
    chapters = re.split(r"^## ", (ROOT / "docs" / "review.md").read_text(), flags=re.MULTILINE)
    (chapter,) = (chapter for chapter in chapters if chapter.startswith(f"{heading}\n"))
    (example,) = re.findall(r"^```yaml\n(.*?)^```", chapter, flags=re.MULTILINE | re.DOTALL)
    return str(example)


@pytest.mark.parametrize(
    ("heading", "argv"),
    [
        ("GitHub", _ACTIONLINT),
        ("GitHub", (*_SCHEMA, "vendor.github-workflows")),
        ("GitLab", (*_SCHEMA, "vendor.gitlab-ci")),
        ("Before a commit", (str(_PROGRAMS / "pre-commit"), "validate-config")),
    ],
)
def test_an_example_is_what_its_system_takes(heading: str, argv: tuple[str, ...], tmp_path: Path) -> None:
    file = tmp_path / "example.yaml"
    file.write_text(_example(heading))
    done = subprocess.run([*argv, str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
