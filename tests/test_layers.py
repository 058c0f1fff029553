"""Arrows between the parts point downwards only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

from tests.paths import ROOT

if TYPE_CHECKING:
    import pytest


def test_the_layers_of_the_design_hold(capsys: pytest.CaptureFixture[str]) -> None:
    config = ROOT / "pyproject.toml"
    status = lint_imports(config_filename=str(config), no_cache=True)
    assert status == EXIT_STATUS_SUCCESS, capsys.readouterr().out
