"""Measure the live suite: set-up, the cluster, and a cell compared with a script of the same helm and kubectl steps.

    python ci/benchmarks/live.py [--rounds 3] [--cold]

Suite and script take turns on one cluster, so that both see the same load. The result is the ratio of the medians.
`--cold` also measures a set-up into an empty cache: half an hour on two cores, less with a warm Go build cache.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import yaml

from osh_conformance.config.options import LiveOptions
from osh_conformance.live import session as stages
from osh_conformance.model.finding import Status
from osh_conformance.model.scenario import InstallStep
from osh_conformance.plan import cells
from osh_conformance.plan.plan import LiveSuite
from osh_conformance.progress import Progress

if TYPE_CHECKING:
    from osh_conformance.live.session import LiveSession
    from osh_conformance.plan.plan import CellRun

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "charts-under-test" / "keystone"
_SQL = "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'keystone'"


def main() -> int:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cold", action="store_true")
    args = parser.parse_args()
    rows = []
    if args.cold:
        with tempfile.TemporaryDirectory() as cache:
            rows.append(("set-up, cold", _setup({"OSH_CONFORMANCE_CACHE": cache})))
    rows.append(("set-up, warm", _setup({})))
    suite = LiveSuite(LiveOptions(paths=(CHART,), scenarios=("drop-enabled",)))
    # The script withholds nothing, so the suite does not either.
    steps = tuple(
        msgspec.structs.replace(step, withhold_seconds=0.0) if isinstance(step, InstallStep) else step
        for step in suite.pairs[0].scenario.steps
    )
    pair = replace(suite.pairs[0], scenario=replace(suite.pairs[0].scenario, steps=steps, rules=("DROP-4",)))
    started = time.monotonic()
    with stages.open_session(suite, [pair], Progress(quiet=True)) as stage:
        rows.append(("cluster and images", time.monotonic() - started))
        times = _cells(stage, pair, args.rounds)
    for name, taken in times.items():
        rows.append((f"cell, {name} (median of {args.rounds})", statistics.median(taken)))
    ratio = statistics.median(times["suite"]) / statistics.median(times["script"])
    for name, seconds in rows:
        print(f"{name:<36} {seconds:7.1f} s")
    print(f"{'suite / script':<36} {ratio:7.2f}")
    return 0


def _setup(env: dict[str, str]) -> float:
    started = time.monotonic()
    program = Path(sys.executable).with_name("osh-conformance")
    subprocess.run([program, "setup"], check=True, cwd=ROOT, env={**os.environ, **env}, stderr=subprocess.DEVNULL)
    return time.monotonic() - started


def _cells(stage: LiveSession, pair: CellRun, rounds: int) -> dict[str, list[float]]:
    """Measure both in turns. The first round of each warms the node up and does not count."""
    times: dict[str, list[float]] = {"suite": [], "script": []}
    for number in range(rounds + 1):
        for name, run in (("suite", _suite), ("script", _script)):
            namespace = cells.namespace(pair.cell, pair.scenario)
            _kubectl(stage, "create", "namespace", namespace)
            started = time.monotonic()
            run(stage, pair, namespace)
            if number:
                times[name].append(time.monotonic() - started)
            _kubectl(stage, "delete", "namespace", namespace)
    return times


def _suite(stage: LiveSession, pair: CellRun, namespace: str) -> None:
    verdict = stage.run(pair, namespace).verdicts["DROP-4"]
    if verdict.status is not Status.PASS:
        raise SystemExit(f"the cell did not pass: {verdict}")


def _script(stage: LiveSession, pair: CellRun, namespace: str) -> None:
    """Do what a person would type: install, wait, query, uninstall, query."""
    release = stage.release(pair, namespace).release
    space = ("--namespace", release.namespace)
    jobs = [c.workload for c in release.declared.containers if c.kind == "Job" and not c.hook]
    with tempfile.TemporaryDirectory() as folder:
        values = Path(folder) / "values.yaml"
        values.write_text(yaml.safe_dump(dict(release.values)))
        server = Path(folder) / "server.yaml"
        server.write_text(yaml.safe_dump(dict(release.database.values)))
        _helm(stage, "install", release.database.release, release.database.chart, *space, "--values", server)
        _kubectl(stage, "rollout", "status", "statefulset/mariadb", *space, "--timeout=120s")
        _helm(stage, "install", "keystone", CHART, *space, "--values", values)
    _kubectl(stage, "wait", "--for=condition=complete", *dict.fromkeys(jobs), *space, "--timeout=300s")
    _kubectl(stage, "rollout", "status", "deployment/keystone-api", *space, "--timeout=300s")
    if _tables(stage, space) == 0:
        raise SystemExit("no table after install")
    _helm(stage, "uninstall", "keystone", *space)
    if _tables(stage, space) != 0:
        raise SystemExit("tables after uninstall")
    _kubectl(stage, "wait", "--for=delete", "pod", "--selector=app.kubernetes.io/instance=keystone", *space)


def _tables(stage: LiveSession, space: tuple[str, ...]) -> int:
    client = ("mariadb", "--defaults-file=/etc/observer/my.cnf", "--skip-column-names", "--execute", _SQL)
    return int(_kubectl(stage, "exec", "mariadb-0", *space, "--", *client))


def _kubectl(stage: LiveSession, *words: str) -> str:
    return _run(stage.tools.kubectl or "kubectl", "--kubeconfig", stage.kubeconfig, *words)


def _helm(stage: LiveSession, *words: str | Path) -> str:
    return _run(stage.tools.helm[4], *words, "--kubeconfig", stage.kubeconfig)


def _run(*words: str | Path) -> str:
    return subprocess.run([str(word) for word in words], check=True, capture_output=True, text=True, timeout=600).stdout


if __name__ == "__main__":
    sys.exit(main())
