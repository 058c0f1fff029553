"""The time of a static run, compared to a loop of `helm template`, on the same tree.

    python ci/benchmarks/static.py TREE [--helm FILE] [--repeat N]

Every number is a ratio to the loop, so that a slow or busy machine does not change it. The loop gets every chart with
its dependencies, and renders one after the other, once, with shipped values.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from osh_conformance.charts.find import find_charts
from osh_conformance.charts.source import Reader
from osh_conformance.errors import SuiteError


def main() -> int:
    """Measure; print a line for each way, and the ratios as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tree", type=Path)
    parser.add_argument("--helm", default=os.environ.get("OSH_CONFORMANCE_HELM", "helm"))
    parser.add_argument("--repeat", type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="osh-conformance-benchmark-") as scratch:
        archives = _archives(args.tree, Path(scratch))
        print(f"{len(archives)} charts that render, {len(os.sched_getaffinity(0))} cores, {args.repeat} rounds")
        # This compiles the modules, as an installation does.
        _check(archives[0], Path(scratch) / "cache", [])
        taken: dict[str, list[tuple[float, float]]] = {}
        # The ways take turns, so that other work on this machine affects all of them.
        for number in range(args.repeat):
            cache = Path(scratch) / f"cache-{number}"
            taken.setdefault("loop of helm template", []).append(_timed(partial(_loop, args.helm, archives)))
            for name, options in _ways(args.helm).items():
                taken.setdefault(name, []).append(_timed(partial(_check, args.tree, cache, options)))
    _print(taken)
    return 0


def _ways(helm: str) -> dict[str, list[str]]:
    return {
        "check, sdk, cold": ["--renderer", "sdk"],
        "check, sdk, warm": ["--renderer", "sdk"],
        "check, helm, cold": ["--renderer", "helm", "--helm-program", helm],
        "check, helm, warm": ["--renderer", "helm", "--helm-program", helm],
    }


def _archives(tree: Path, scratch: Path) -> list[Path]:
    reader = Reader()
    found = []
    for number, chart in enumerate(find_charts(tree)):
        try:
            files = reader.read(chart, tree)
        except SuiteError as error:
            print(f"left out: {error.message}", file=sys.stderr)
            continue
        if not files.library:
            archive = scratch / f"{number}.tgz"
            archive.write_bytes(files.packed())
            found.append(archive)
    return found


def _loop(helm: str, archives: list[Path]) -> None:
    for archive in archives:
        argv = [helm, "template", "conformance", str(archive)]
        subprocess.run(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)


def _check(tree: Path, cache: Path, options: list[str]) -> None:
    argv = [sys.executable, "-m", "osh_conformance", "check", str(tree), *options]
    environment = {**os.environ, "OSH_CONFORMANCE_CACHE": str(cache), "PYTHONPYCACHEPREFIX": str(cache.parent / "pyc")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    done = subprocess.run(argv, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    if done.returncode not in (0, 1):
        print(f"exit code {done.returncode}: {done.stderr.decode()[-500:]}", file=sys.stderr)


def _timed(work: partial[None]) -> tuple[float, float]:
    """Return the seconds, and the seconds of processor time, that `work` takes."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    work()
    seconds, after = time.monotonic() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _print(taken: dict[str, list[tuple[float, float]]]) -> None:
    medians = {name: [statistics.median(each) for each in zip(*rounds, strict=True)] for name, rounds in taken.items()}
    loop = medians["loop of helm template"]
    for name, (seconds, busy) in medians.items():
        print(
            f"{name:24} {seconds:7.2f} s  ({seconds / loop[0]:5.3f})   processor {busy:7.2f} s  ({busy / loop[1]:5.3f})"
        )
    print(f"largest process: {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024} MiB")
    print(json.dumps({name: round(seconds / loop[0], 3) for name, (seconds, _) in medians.items()}))


if __name__ == "__main__":
    sys.exit(main())
