"""Where the files are that are no Python: in the wheel, or in a checkout."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent


def data_folder(name: str) -> Path:
    """Return `data/<name>`, which is always beside the code."""
    return _PACKAGE / "data" / name


def suite_folder(name: str) -> Path:
    """Return `suites/<name>`: the wheel holds it inside the package, a checkout at its top."""
    installed = _PACKAGE / "suites" / name
    return installed if installed.is_dir() else _PACKAGE.parents[1] / "suites" / name
