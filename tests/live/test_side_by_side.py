"""Two runs of one user on one machine, each with a cluster of its own."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.live.driving import Program

#: Two installs at once, and two clusters that are made at once, take longer.
_PATIENCE = 900.0


@pytest.mark.nightly
def test_two_runs_at_once_do_not_disturb_each_other(own_cluster: Program, base: Path) -> None:
    started = [own_cluster.start("live", base, "--scenario", name) for name in ("drop-enabled", "drop-disabled")]
    try:
        results = [run.ended(_PATIENCE) for run in started]
    finally:
        for run in started:
            if not run.has_ended(0.0):
                run.signal(signal.SIGINT)
                run.has_ended(_PATIENCE)
    assert [(result.code, result.findings(base.name)) for result in results] == [(0, []), (0, [])]
    clusters = [run.cluster for run in started]
    assert len(set(clusters)) == 2
    assert [own_cluster.left(cluster) for cluster in clusters] == [[], []]
