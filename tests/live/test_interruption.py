"""Ctrl-C, SIGTERM and SIGKILL during a run: nothing is left, and nothing of others is removed."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

import kubernetes

from tests.live.driving import BASE, Program, Running

if TYPE_CHECKING:
    from pathlib import Path

    from osh_conformance.provision.docker import Docker
    from tests.live.conftest import Kept

_SCENARIO = ("--scenario", "drop-enabled")
_CELL = f"cell {BASE}-shipped-docker-default-helm4-drop-enabled"
_AT_ONCE = 3.0


def _cells(kept: Kept) -> list[str]:
    client = kubernetes.config.new_client_from_config(str(kept.kubeconfig), context=kept.context)
    names = [item.metadata.name for item in kubernetes.client.CoreV1Api(client).list_namespace().items]
    return [name for name in names if name.startswith(f"cell-{BASE}-drop-enabled")]


def _in_mid_cell(program: Program, base: Path) -> Running:
    """A run whose helm has begun to work."""
    running = program.start("live", base, *_SCENARIO)
    running.says(_CELL)
    running.until(lambda: any(" helm" in line or "helm4" in line for line in program.processes()), "helm runs")
    return running


def test_ctrl_c_leaves_nothing_on_a_kept_cluster(kept: Kept, program: Program, base: Path) -> None:
    running = _in_mid_cell(program, base)
    assert _cells(kept)
    running.signal(signal.SIGINT)
    result = running.ended(60)
    assert result.code == 2, result.printed
    assert "interrupted" in result.printed
    assert result.document
    assert result.junit
    assert _cells(kept) == []
    assert [line for line in program.processes() if str(result.folder) in line] == []


def test_sigterm_leaves_nothing(own_cluster: Program, base: Path) -> None:
    running = _in_mid_cell(own_cluster, base)
    running.signal(signal.SIGTERM)
    result = running.ended(90)
    assert result.code == 2, result.printed
    assert "interrupted" in result.printed
    assert result.document
    assert result.junit
    assert own_cluster.left(running.cluster) == []


def test_a_second_signal_ends_the_run_at_once_and_gc_removes_the_rest(own_cluster: Program, base: Path) -> None:
    running = own_cluster.start("live", base, *_SCENARIO)
    running.says(": create")
    running.until(lambda: own_cluster.docker.lines("ps", "--filter", f"name={running.cluster}-c", "--quiet"), "a node")
    running.signal(signal.SIGINT)
    running.says("remove cluster")
    before = time.monotonic()
    running.signal(signal.SIGINT)
    result = running.ended(30)
    assert time.monotonic() - before < _AT_ONCE
    assert result.code == 2, result.printed
    collected = own_cluster.run("gc")
    assert collected.code == 0, collected.printed
    assert own_cluster.left(running.cluster) == []


def test_gc_after_sigkill_removes_exactly_what_the_run_created(
    own_cluster: Program, base: Path, bystanders: list[str], docker: Docker
) -> None:
    running = _in_mid_cell(own_cluster, base)
    running.signal(signal.SIGKILL)
    running.child.wait(10)
    assert own_cluster.left(running.cluster), "a killed run leaves something"
    collected = own_cluster.run("gc")
    assert collected.code == 0, collected.printed
    assert own_cluster.left(running.cluster) == [], collected.printed
    assert own_cluster.run("gc").printed.strip().endswith("nothing to remove")
    states = docker.lines("inspect", "--format", "{{.State.Running}}", *bystanders)
    assert states == ["true"] * len(bystanders)
    assert docker.run("network", "inspect", bystanders[0], check=False).ok
