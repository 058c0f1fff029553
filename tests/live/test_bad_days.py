"""Broken environments: exit code 3 with the reason, reports in every case, and nothing left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.live.conftest import PUBLISHED
from tests.live.driving import BASE, Program, Result, chart

if TYPE_CHECKING:
    from pathlib import Path

    from tests.live.conftest import Kept

_NOWHERE = "osh-conformance.invalid/nowhere:1.0.0"
#: Nobody has it, and a cluster may try to pull it.
_UNKNOWN = "registry.corp.test/acme/nowhere:1.0.0"


def _is_broken(result: Result, *words: str) -> None:
    assert result.code == 3, result.printed
    for word in words:
        assert word in result.printed
    assert "Traceback" not in result.printed
    assert result.document["summary"]["error"]
    assert [finding["status"] for finding in result.document["findings"]] == ["error"]
    assert {status for _, _, status in result.checks(BASE)} <= {"error"}
    assert "<error" in result.junit
    assert "<failure" not in result.junit


def _with_image(folder: Path, reference: str, key: str = "db_init") -> Path:
    """Values with another image for a key."""
    file = folder / "values.yaml"
    file.write_text(f"images:\n  {key}: {reference}\n")
    return file


def test_a_run_without_an_engine_is_an_error(program: Program, base: Path, tmp_path: Path) -> None:
    dead = f"unix://{tmp_path}/docker.sock"
    result = program.run("live", base, env={"DOCKER_HOST": dead})
    _is_broken(result, dead)
    assert result.seconds < 30


def test_a_missing_node_image_is_an_error_before_a_cluster(own_cluster: Program, base: Path) -> None:
    result = own_cluster.run("live", base, "--node-image", "docker.io/kindest/node:v0.0.1")
    _is_broken(result, "docker.io/kindest/node:v0.0.1", "no cluster was created")
    assert "network and registry" not in result.printed


def test_a_node_that_does_not_start_is_an_error_with_its_logs(
    own_cluster: Program, base: Path, published: Path
) -> None:
    """The image is there, and it is none of a node."""
    assert published
    running = own_cluster.start("live", base, "--node-image", PUBLISHED)
    result = running.ended()
    _is_broken(result, "the cluster did not start", "logs")
    assert (result.artifacts / "cluster" / "kind.log").read_text()
    assert own_cluster.left(running.cluster) == []


def test_a_missing_image_of_the_suites_own_is_an_error(
    kept: Kept, program: Program, base: Path, tmp_path: Path
) -> None:
    assert kept
    result = program.run("live", base, "--scenario", "drop-enabled", "--values", _with_image(tmp_path, _NOWHERE))
    _is_broken(result, _NOWHERE, "no cluster was created")
    assert result.seconds < 60


def test_an_image_that_the_cluster_cannot_pull_is_an_error_of_its_cell(
    kept: Kept, program: Program, base: Path, published: Path, tmp_path: Path
) -> None:
    values = ("--values", published, "--values", _with_image(tmp_path, _UNKNOWN))
    where = ("--kubeconfig", kept.kubeconfig, "--allow-cluster", kept.context)
    result = program.run("live", base, "--scenario", "drop-disabled", *values, *where)
    _is_broken(result, "container db-init: ", "not found", _UNKNOWN)
    assert result.document["summary"]["seconds"] < 60
    assert list(result.artifacts.glob("*/error/events.txt"))


def test_a_foreign_cluster_is_not_asked_for_the_suites_own_images(kept: Kept, program: Program, base: Path) -> None:
    where = ("--kubeconfig", kept.kubeconfig, "--allow-cluster", kept.context)
    result = program.run("live", base, "--scenario", "drop-disabled", *where)
    _is_broken(result, "cannot pull osh-conformance.invalid/keystone-distribution:22.0.2", "--flavor shipped")


def test_an_allowed_foreign_cluster_is_used(kept: Kept, program: Program, base: Path, published: Path) -> None:
    where = ("--kubeconfig", kept.kubeconfig, "--allow-cluster", kept.context)
    result = program.run("live", base, "--values", published, *where)
    assert result.code == 0, result.printed
    statuses = result.checks(BASE)
    # No registry of ours, one cell, no message queue and no Keystone of others, and no tests of the chart's own.
    unknown = {"DROP-8", "FLAV-1", "PIN-1", "PP-3", "TEST-1"}
    assert {rule for rule, _, status in statuses if status == "not-applicable"} == unknown
    assert {status for rule, _, status in statuses if rule not in unknown} == {"pass"}
    assert "PIN-1  mutant-base: no registry gave the digest of a reference" in result.printed


def test_a_pod_that_never_becomes_ready_is_an_error_of_its_cell(
    kept: Kept, program: Program, published: Path, tmp_path: Path
) -> None:
    where = ("--kubeconfig", kept.kubeconfig, "--allow-cluster", kept.context)
    values = ("--values", published, "--values", _with_image(tmp_path, PUBLISHED, "waits"))
    mutant = chart(tmp_path, "never-ready")
    result = program.run("live", mutant, "--scenario", "drop-disabled", "--timeout", "30", *values, *where)
    assert result.code == 3, result.printed
    assert "timed out after 30 s waiting for the release to become ready" in result.printed
    assert "pod never-ready-" in result.printed
    assert "<error" in result.junit
