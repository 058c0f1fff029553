"""Paths relative to the working directory."""

from __future__ import annotations

from pathlib import Path

import pytest

from osh_conformance.here import folder_from_here, from_here, root


@pytest.mark.parametrize(
    ("given", "shown", "folder"),
    [
        (".", ".", ""),
        ("charts/a", "charts/a", "charts/a/"),
        ("./charts/../charts/a/", "charts/a", "charts/a/"),
        ("../b", "../b", "../b/"),
        ("..", "..", "../"),
        ("..data", "..data", "..data/"),
        ("{here}/charts", "charts", "charts/"),
        ("{here}/..data", "..data", "..data/"),
        ("{here}", ".", ""),
        ("{here}/../b", "{above}/b", "{above}/b/"),
        ("/", "/", "/"),
    ],
)
def test_a_path_is_shown_from_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, shown: str, folder: str
) -> None:
    monkeypatch.chdir(tmp_path)
    places = {"here": tmp_path, "above": tmp_path.parent}
    path = Path(given.format(**places))
    assert from_here(path) == shown.format(**places)
    assert folder_from_here(path) == folder.format(**places)
    assert root() == str(tmp_path)


def test_a_working_directory_that_is_gone_leaves_paths_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert root() == ""
    assert from_here(Path("/charts/a")) == "/charts/a"
