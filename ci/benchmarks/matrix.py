"""Measure a matrix: cells one after the other compared with parallel cells, and the bytes that nodes fetch.

    python ci/benchmarks/matrix.py [--rounds 2] [--parallel N] [--flavor NAME,...] [--format NAME,...]
        [--runtime NAME,...] [--helm 3,4]

Both take turns on one cluster, so that they see the same load. The result is the ratio of the medians. With several
runtimes, it is also the ratio of each to the first one, for cells one after the other.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from osh_conformance.config.engine_options import LiveOptions
from osh_conformance.live.cell import run_cell
from osh_conformance.live.session import open_session
from osh_conformance.live.shared_releases import SharedReleases
from osh_conformance.model.finding import Status
from osh_conformance.plan.capacity import carried
from osh_conformance.plan.cells import new_namespace
from osh_conformance.plan.plan import LiveSuite
from osh_conformance.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from osh_conformance.live.session import LiveSession
    from osh_conformance.plan.cells import CellRun

CHART = Path(__file__).resolve().parents[2] / "charts-under-test" / "keystone"
_MIB = 1 << 20


def main() -> int:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--parallel", type=int, default=carried())
    parser.add_argument("--flavor", default="distribution")
    parser.add_argument("--format", default="docker")
    parser.add_argument("--runtime", default="")
    parser.add_argument("--helm", default="3,4")
    args = parser.parse_args()
    suite = LiveSuite(
        LiveOptions(
            paths=(CHART,),
            flavors=tuple(args.flavor.split(",")),
            packaging_formats=tuple(args.format.split(",")),
            runtimes=tuple(filter(None, args.runtime.split(","))),
            helm_majors=tuple(map(int, args.helm.split(","))),
            scenarios=("drop-enabled", "drop-disabled"),
        )
    )
    with open_session(suite, suite.cell_runs, Progress(quiet=True)) as session:
        warming = sum(seconds for _, seconds in _timed(session, suite.cell_runs, 1))
        first = _fetched(session)
        alone_by_runtime: dict[str, list[float]] = {}
        times: dict[int, list[float]] = {1: [], args.parallel: []}
        for _ in range(args.rounds):
            for number, seconds in times.items():
                started = time.monotonic()
                each = _timed(session, suite.cell_runs, number)
                seconds.append(time.monotonic() - started)
                if number == 1:
                    _add(alone_by_runtime, each)
        later = _fetched(session) - first
    runs = len(suite.cell_runs)
    alone, together = (statistics.median(seconds) for seconds in times.values())
    cells = {cell_run.cell.id for cell_run in suite.cell_runs}
    print(f"{runs} runs of {len(cells)} cells, medians of {args.rounds} rounds")
    print(f"first round, images not on the node   {warming:7.1f} s  {first / _MIB:8.1f} MiB fetched")
    print(f"one after the other                   {alone:7.1f} s  {alone / runs:8.1f} s each")
    print(f"{args.parallel} at a time                           {together:7.1f} s  {together / runs:8.1f} s each")
    print(f"ratio                                 {together / alone:7.2f}")
    print(f"fetched in all later rounds           {later / _MIB:7.1f} MiB")
    if len(alone_by_runtime) > 1:
        medians = {runtime: statistics.median(seconds) for runtime, seconds in alone_by_runtime.items()}
        standard = next(iter(medians.values()))
        for runtime, median in medians.items():
            print(f"{runtime:<37} {median:7.1f} s a round, ratio {median / standard:.2f}")
    return 0


def _add(found: dict[str, list[float]], seconds: Sequence[tuple[CellRun, float]]) -> None:
    """Add the seconds of one round to those of each runtime."""
    round_of: dict[str, float] = {}
    for cell_run, each in seconds:
        round_of[cell_run.cell.runtime] = round_of.get(cell_run.cell.runtime, 0.0) + each
    for runtime, total in round_of.items():
        found.setdefault(runtime, []).append(total)


def _timed(session: LiveSession, cell_runs: Sequence[CellRun], parallel: int) -> list[tuple[CellRun, float]]:
    """Run the cells, so many at a time, and return the seconds of each."""
    with ThreadPoolExecutor(max_workers=parallel) as pool:
        ended = [pool.submit(_run, session, cell_run) for cell_run in cell_runs]
        return [(cell_run, each.result()) for cell_run, each in zip(cell_runs, ended, strict=True)]


def _run(session: LiveSession, cell_run: CellRun) -> float:
    started = time.monotonic()
    namespace = new_namespace(cell_run.cell, cell_run.scenario)
    session.create_namespace(namespace, session.labels(cell_run))
    try:
        verdict = run_cell(session, SharedReleases(session), cell_run, namespace).verdicts["DROP-4"]
    finally:
        session.remove_namespace(namespace)
    if verdict.status is not Status.PASS:
        raise SystemExit(f"{cell_run.id} does not pass: {verdict}")
    return time.monotonic() - started


def _fetched(session: LiveSession) -> int:
    """The bytes of all that nodes fetched from the run's registry so far."""
    registry = session.cluster.registry
    return sum(request.size for request in registry.requests()) if registry else 0


if __name__ == "__main__":
    sys.exit(main())
