"""Charts that need other charts and a message queue: a part of the whole that is broken is found."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.live.driving import check_findings
from tests.paths import CHARTS, ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.live.driving import Program

STACK_MUTANTS = ROOT / "tests" / "mutants" / "stack"
#: A stack needs its images pulled once, and Keystone installed.
_LONGEST = 1500.0


@pytest.mark.parametrize("name", sorted(folder.name for folder in STACK_MUTANTS.iterdir()))
def test_a_mutant_of_a_stack_fails_exactly_the_rules_that_it_breaks(
    name: str, program: Program, tmp_path: Path
) -> None:
    wanted = yaml.safe_load((STACK_MUTANTS / name / "expect.yaml").read_text())
    charts = shutil.copytree(CHARTS, tmp_path / "charts", symlinks=True)
    over = shutil.ignore_patterns("expect.yaml")
    shutil.copytree(STACK_MUTANTS / name, charts, dirs_exist_ok=True, ignore=over)
    result = program.run("live", charts / wanted["chart"], "--scenario", wanted["scenario"], seconds=_LONGEST)
    assert result.code == 1, result.printed
    check_findings(result, wanted["chart"], wanted["findings"])
    assert result.printed.count("  ok   shared by the cells: keystone") == 1
