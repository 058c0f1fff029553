"""Clusters that are kept under a name: only a run with this name uses one, one run at a time."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from osh_conformance.provision import runs

if TYPE_CHECKING:
    from pathlib import Path

    from osh_conformance.provision.docker import Docker
    from tests.live.conftest import Kept
    from tests.live.driving import Program

_QUICK = ("--scenario", "drop-disabled")
_NAME = "alice"
#: Seconds that an interrupted run needs to remove its cluster.
_CLEANS_UP = 180.0


def _kept_names(program: Program) -> set[str]:
    return {run.name for run in runs.known(program.folders) if run.kept is not None}


@pytest.mark.nightly  # it makes a cluster of its own
def test_a_cluster_with_a_name_is_used_and_removed_by_its_name_only(
    kept: Kept, program: Program, base: Path, published: Path, docker: Docker
) -> None:
    values = ("--values", published)
    named = runs.named(program.folders, _NAME)
    first = program.start("live", base, *_QUICK, *values, f"--keep={_NAME}")
    try:
        first.until(named.folder.is_dir, "the run has its folder")
        second = program.run("live", base, *_QUICK, *values, "--keep", _NAME)
        assert second.code == 3, second.printed
        assert f"another run uses the cluster kept as {_NAME}" in second.printed
        result = first.ended()
    finally:
        if first.child.poll() is None:
            first.child.send_signal(signal.SIGINT)
            first.has_ended(_CLEANS_UP)
    assert result.code == 0, result.printed
    assert f"a run with --keep={_NAME} uses it again" in result.printed
    assert _kept_names(program) == {"", _NAME}

    again = program.run("live", base, *_QUICK, *values, "--keep", _NAME)
    assert again.code == 0, again.printed
    assert f"using the kept cluster {named.cluster}" in again.printed

    assert f"gc --kept {_NAME}" in program.run("gc").printed
    collected = program.run("gc", "--kept", _NAME)
    assert collected.code == 0, collected.printed
    assert _kept_names(program) == {""}
    assert program.left(named.cluster) == []
    assert docker.lines("ps", "--filter", f"name={kept.run.cluster}-control-plane", "--quiet")
