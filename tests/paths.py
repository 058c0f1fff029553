"""Folders of the checkout that tests read."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CHARTS = ROOT / "charts-under-test"
KEYSTONE = CHARTS / "keystone"
CASES = ROOT / "tests" / "cases"
FIELD = ROOT / "tests" / "field"
LIVE_MUTANTS = ROOT / "tests" / "mutants" / "live"
LIVE_TWINS = ROOT / "tests" / "mutants" / "live-benign"
FLAVOR_MUTANTS = ROOT / "tests" / "mutants" / "flavors"
RUNTIME_MUTANTS = ROOT / "tests" / "mutants" / "runtimes"
