"""The container runtimes: charts that lean on one of them fail under the others, and bad nodes are named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.live.axes import RUNTIMES

if TYPE_CHECKING:
    from pathlib import Path

    from tests.live.conftest import Kept
    from tests.live.driving import Program, Result

#: Runtimes of another kind; a night's run has the others too, whose programs take minutes to build.
_QUICK = ("runc", "gvisor")
_EVERY = ("runc", "crun", "youki", "gvisor")


def _run(program: Program, folder: Path, runtimes: tuple[str, ...]) -> Result:
    charts = RUNTIMES.tree(folder, RUNTIMES.mutants(runtimes))
    words = ("--runtime", ",".join(runtimes), "--scenario", "drop-enabled", "--keep")
    return program.run("live", charts, *words, seconds=1200)


@pytest.fixture(scope="module")
def quick(kept: Kept, program: Program, tmp_path_factory: pytest.TempPathFactory) -> Result:
    assert kept
    return _run(program, tmp_path_factory.mktemp("quick"), _QUICK)


@pytest.mark.parametrize("mutant", RUNTIMES.mutants(_QUICK))
def test_a_mutant_fails_under_the_runtime_that_lacks_what_it_needs(mutant: str, quick: Result) -> None:
    assert quick.code == 1, quick.printed
    RUNTIMES.check(quick, mutant, _QUICK)


@pytest.mark.nightly
def test_each_runtime_fails_the_mutants_that_lean_on_another(kept: Kept, program: Program, tmp_path: Path) -> None:
    assert kept
    result = _run(program, tmp_path, _EVERY)
    assert result.code == 1, result.printed
    for mutant in RUNTIMES.mutants(_EVERY):
        RUNTIMES.check(result, mutant, _EVERY)
