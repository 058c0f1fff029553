"""The published images that this suite pulled: they stay, so `setup --remove` names them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from osh_conformance.folders import Folders


def note(folders: Folders, reference: str) -> None:
    """Record that Docker pulled an image for this suite."""
    if reference in noted(folders):
        return
    folders.state.mkdir(parents=True, exist_ok=True)
    # One short line at the end of a file: two processes that write at once do not mix.
    with _file(folders).open("a", encoding="utf-8") as file:
        file.write(f"{reference}\n")


def noted(folders: Folders) -> tuple[str, ...]:
    """Return the references that were recorded, each once."""
    try:
        lines = _file(folders).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return ()
    return tuple(dict.fromkeys(line for line in lines if line))


def _file(folders: Folders) -> Path:
    return folders.state / "pulled"
