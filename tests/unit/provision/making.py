"""Recipes for tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def write(root: Path, name: str, toml: str = "", *, kind: str = "offline", script: str = "touch $OUT/made\n") -> Path:
    folder = root / kind / name
    folder.mkdir(parents=True)
    head = 'summary = "a thing"\nminutes = 1\ndisk_mib = 1\nfiles = ["made"]\n'
    (folder / "recipe.toml").write_text(head + toml)
    (folder / "build.sh").write_text(script)
    return folder
