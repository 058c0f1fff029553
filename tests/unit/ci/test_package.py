"""What the archives are compared by; `tox -e package` builds them."""

from __future__ import annotations

import re
import tomllib

import pytest

from ci import package
from osh_conformance import __version__
from tests.paths import ROOT


def test_a_file_that_the_source_archive_lacks_is_named() -> None:
    assert package.lacking([".ci/run", "src/a.py", "tests/b.py"], ["PKG-INFO", "src/a.py"]) == ["tests/b.py"]


def test_wheels_differ_by_a_missing_file_by_content_and_by_mode() -> None:
    one = {"a": (0o644, b"1"), "b": (0o644, b"1"), "c": (0o644, b"1"), "d": (0o644, b"1")}
    found = package.differences(one, {"a": (0o644, b"1"), "b": (0o644, b"2"), "d": (0o755, b"1")})
    assert [name.partition(" ")[0] for name in found] == ["b", "c", "d"]


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="only a git checkout knows which files are tracked")
def test_the_library_is_demanded_once_and_not_for_each_chart_that_links_to_it() -> None:
    tracked = package._tracked()
    assert "charts-under-test/library/Chart.yaml" in tracked
    assert "charts-under-test/keystone/Chart.yaml" in tracked
    assert not [name for name in tracked if "charts/conformance-library" in name]


def test_the_version_has_a_release_note_and_a_chapter_in_the_changelog() -> None:
    assert (ROOT / "docs" / "releases" / f"{__version__}.md").read_text().startswith(f"# osh-conformance {__version__}")
    assert re.search(rf"^## {re.escape(__version__)}\b", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)


def test_the_version_is_written_once() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["dynamic"] == ["version"]
    assert "version" not in project
