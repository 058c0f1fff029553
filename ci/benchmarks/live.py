"""Measure the live suite: set-up, the cluster, and a cell compared with a script of the same helm and kubectl steps.

    python ci/benchmarks/live.py [--rounds 3] [--cold]

Suite and script take turns on one cluster, so that both see the same load. The result is the ratio of the medians.
Two looks at the database server take turns in the same way: the whole one, and one at tables and accounts alone. The
share of a cell is what its looks, its session of a neighbour and its mark cost more than such looks would.
`--cold` also measures a set-up into an empty cache: half an hour on two cores, less with a warm Go build cache.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
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

from osh_conformance.config.engine_options import LiveOptions
from osh_conformance.live.cell import run_cell
from osh_conformance.live.cell_images import CellImages
from osh_conformance.live.session import open_session
from osh_conformance.live.shared_releases import SharedReleases
from osh_conformance.model.finding import Status
from osh_conformance.model.scenario import InstallStep
from osh_conformance.observe.database import DatabaseServer, quote_name
from osh_conformance.observe.server_state import NAMES, WAITING
from osh_conformance.plan.cells import new_namespace
from osh_conformance.plan.plan import LiveSuite
from osh_conformance.progress import Progress
from osh_conformance.scenario import infrastructure, sessions
from osh_conformance.scenario.database_control import ServerControl

if TYPE_CHECKING:
    from collections.abc import Callable

    from osh_conformance.live.session import LiveSession
    from osh_conformance.plan.cells import CellRun
    from osh_conformance.scenario.state import CellPlan

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "charts-under-test" / "keystone"
#: Before the install, after it, before the uninstall and after it.
_LOOKS = 4
_LOOK_ROUNDS = 20
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
            rows.append(("setup, cold", _setup({"OSH_CONFORMANCE_CACHE": cache})))
    rows.append(("setup, warm", _setup({})))
    suite = LiveSuite(LiveOptions(paths=(CHART,), scenarios=("drop-enabled",)))
    first = suite.cell_runs[0]
    # The script does not withhold the database's Service, so the suite does not either.
    steps = tuple(
        msgspec.structs.replace(step, withhold_seconds=0.0) if isinstance(step, InstallStep) else step
        for step in first.scenario.steps
    )
    cell_run = replace(first, scenario=replace(first.scenario, steps=steps), rules=("DROP-4",))
    started = time.monotonic()
    with open_session(suite, [cell_run], Progress(quiet=True)) as session:
        rows.append(("cluster and images", time.monotonic() - started))
        looks = _looks(session, cell_run)
        times = _cells(session, cell_run, args.rounds)
    for name, taken in times.items():
        rows.append((f"cell, {name} (median of {args.rounds})", statistics.median(taken)))
    ratio = statistics.median(times["suite"]) / statistics.median(times["script"])
    rows += [(f"look, {name} (median of {_LOOK_ROUNDS})", seconds) for name, seconds in looks.items()]
    more = _LOOKS * (looks["whole"] - looks["tables and accounts"]) + looks["neighbour's session"] + looks["mark"]
    for name, seconds in rows:
        print(f"{name:<48} {seconds:8.2f} s")
    print(f"{'suite / script':<48} {ratio:8.2f}")
    print(f"{'share of a cell that the whole looks add':<48} {more / statistics.median(times['suite']):8.1%}")
    return 0


def _setup(env: dict[str, str]) -> float:
    started = time.monotonic()
    program = Path(sys.executable).with_name("osh-conformance")
    subprocess.run([program, "setup"], check=True, cwd=ROOT, env={**os.environ, **env}, stderr=subprocess.DEVNULL)
    return time.monotonic() - started


def _cells(session: LiveSession, cell_run: CellRun, rounds: int) -> dict[str, list[float]]:
    """Measure both in turns. The first round of each warms the node up and does not count."""
    times: dict[str, list[float]] = {"suite": [], "script": []}
    for number in range(rounds + 1):
        for name, run in (("suite", _suite), ("script", _script)):
            namespace = new_namespace(cell_run.cell, cell_run.scenario)
            _kubectl(session, "create", "namespace", namespace)
            started = time.monotonic()
            run(session, cell_run, namespace)
            if number:
                times[name].append(time.monotonic() - started)
            _kubectl(session, "delete", "namespace", namespace)
    return times


def _looks(session: LiveSession, cell_run: CellRun) -> dict[str, float]:
    """Return the median seconds of each kind of look, and of what else a cell does for them."""
    namespace = new_namespace(cell_run.cell, cell_run.scenario)
    _kubectl(session, "create", "namespace", namespace)
    plan = session.preparation.prepare(
        cell_run, namespace, CellImages(cell_run, session.images, session.faulty_registry)
    )
    _install_server(session, plan, namespace)
    database = plan.database
    server = DatabaseServer(kube=session.kube, namespace=namespace, pod="mariadb-0", container=database.container)
    infrastructure.add_neighbour(server, "keystone")
    neighbour = infrastructure.neighbour("keystone")
    control = ServerControl.of(server)
    held = _timed(lambda: sessions.hold_neighbour(control, neighbour, infrastructure.NEIGHBOUR_PASSWORD))
    mark = _timed(
        lambda: server.change(f"CREATE TABLE {quote_name(neighbour)}.mark (id INT PRIMARY KEY) AS SELECT 1 AS id;")
    )
    times: dict[str, list[float]] = {"whole": [], "tables and accounts": []}
    for number in range(_LOOK_ROUNDS + 1):
        for name, look in (("whole", server.state), ("tables and accounts", lambda: _narrow(server))):
            taken = _timed(look)
            if number:
                times[name].append(taken)
    _kubectl(session, "delete", "namespace", namespace)
    return {
        **{name: statistics.median(each) for name, each in times.items()},
        "neighbour's session": held,
        "mark": mark,
    }


def _timed(action: Callable[[], object]) -> float:
    started = time.monotonic()
    action()
    return time.monotonic() - started


def _narrow(server: DatabaseServer) -> None:
    """Look at tables with their content and at accounts with their grants, in two queries as the whole look does."""
    rows = [json.loads(line) for line in server.read(NAMES + WAITING).splitlines()]
    tables = [f"{quote_name(row[1])}.{quote_name(row[2])}" for row in rows if row[0] == "table" and row[2] != "entries"]
    counts = "".join(f"SELECT COUNT(*) FROM {table};" for table in tables)  # noqa: S608 - names are quoted
    server.read(f"SET lock_wait_timeout = 5; {counts} CHECKSUM TABLE {', '.join(tables)} EXTENDED;")


def _install_server(session: LiveSession, plan: CellPlan, namespace: str) -> None:
    space = ("--namespace", namespace)
    with tempfile.TemporaryDirectory() as folder:
        server = Path(folder) / "server.yaml"
        server.write_text(yaml.safe_dump(dict(plan.database.values)))
        _helm(session, "install", plan.database.release, plan.database.chart, *space, "--values", server)
    _kubectl(session, "rollout", "status", "statefulset/mariadb", *space, "--timeout=120s")


def _suite(session: LiveSession, cell_run: CellRun, namespace: str) -> None:
    verdict = run_cell(session, SharedReleases(session), cell_run, namespace).verdicts["DROP-4"]
    if verdict.status is not Status.PASS:
        raise SystemExit(f"the cell did not pass: {verdict}")


def _script(session: LiveSession, cell_run: CellRun, namespace: str) -> None:
    """Do what a person would type: install, wait, query, uninstall, query."""
    images = CellImages(cell_run, session.images, session.faulty_registry)
    plan = session.preparation.prepare(cell_run, namespace, images)
    space = ("--namespace", namespace)
    jobs = [c.workload for c in plan.declared.containers if c.kind == "Job" and not c.hook]
    with tempfile.TemporaryDirectory() as folder:
        values = Path(folder) / "values.yaml"
        values.write_text(yaml.safe_dump(dict(plan.values)))
        _install_server(session, plan, namespace)
        _helm(session, "install", "keystone", CHART, *space, "--values", values)
    _kubectl(session, "wait", "--for=condition=complete", *dict.fromkeys(jobs), *space, "--timeout=300s")
    _kubectl(session, "rollout", "status", "deployment/keystone-api", *space, "--timeout=300s")
    if _tables(session, space) == 0:
        raise SystemExit("no table after install")
    _helm(session, "uninstall", "keystone", *space)
    if _tables(session, space) != 0:
        raise SystemExit("tables after uninstall")
    _kubectl(session, "wait", "--for=delete", "pod", "--selector=app.kubernetes.io/instance=keystone", *space)


def _tables(session: LiveSession, space: tuple[str, ...]) -> int:
    client = ("mariadb", "--defaults-file=/etc/observer/my.cnf", "--skip-column-names", "--execute", _SQL)
    return int(_kubectl(session, "exec", "mariadb-0", *space, "--", *client))


def _kubectl_program(session: LiveSession) -> str | Path:
    on_path, builder = shutil.which("kubectl"), session.tools.builder(Progress(quiet=True))
    if on_path or builder is None:
        return on_path or "kubectl"
    builder.provide(["kubectl"])
    return builder.place("kubectl") / "kubectl"


def _kubectl(session: LiveSession, *words: str) -> str:
    return _run(_kubectl_program(session), "--kubeconfig", session.kubeconfig, *words)


def _helm(session: LiveSession, *words: str | Path) -> str:
    return _run(session.tools.helm[4], *words, "--kubeconfig", session.kubeconfig)


def _run(*words: str | Path) -> str:
    return subprocess.run([str(word) for word in words], check=True, capture_output=True, text=True, timeout=600).stdout


if __name__ == "__main__":
    sys.exit(main())
