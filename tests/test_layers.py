"""Arrows between the parts point downwards only."""

from __future__ import annotations

from pathlib import Path

from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports


def test_the_layers_of_the_design_hold(capsys) -> None:
    config = Path(__file__).parents[1] / "pyproject.toml"
    status = lint_imports(config_filename=str(config), no_cache=True)
    assert status == EXIT_STATUS_SUCCESS, capsys.readouterr().out
