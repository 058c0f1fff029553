"""Measure a static run of one tree, compared with a plain loop of `helm template`.

    python ci/benchmarks/static.py TREE [--helm FILE] [--repeat N]

Every number is a ratio to the loop of the same call, so that a slow or busy machine does not change it. The loop gets
every chart with its dependencies, and renders the charts one after the other, once each, with shipped values.

Then it measures the growth: cold runs of the first quarter of the charts, of all, and of four copies of the tree. A
comment in each Chart.yaml makes the copies differ, so that the cache has none of them; their templates stay the same.
For each run it prints the seconds, the processor seconds, and MiB of memory, read from /proc while the run goes on: the
peak of the main process, of its largest worker, and of the sum of all (pages that they share count in each).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from functools import partial
from pathlib import Path

from osh_conformance.charts.files import CHART_FILE
from osh_conformance.charts.find import find_charts
from osh_conformance.charts.source import Reader
from osh_conformance.errors import SuiteError

_COPIES = 4
#: Seconds between two looks at the memory of a run.
_TICK = 0.2
#: The fields of /proc/PID/status: the most memory that a process had so far, and what it has now.
_PEAK, _NOW = "VmHWM", "VmRSS"


def main() -> int:
    """Measure; print a line for each variant, the ratios as JSON, and a line for each size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tree", type=Path)
    parser.add_argument("--helm", default=os.environ.get("OSH_CONFORMANCE_HELM", "helm"))
    parser.add_argument("--repeat", type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="osh-conformance-benchmark-") as scratch:
        charts, archives = _archives(args.tree, Path(scratch))
        print(f"{len(archives)} charts that render, {len(os.sched_getaffinity(0))} cores, {args.repeat} rounds")
        # Compile the package first, as in an installed one.
        _check([archives[0]], Path(scratch) / "cache", [])
        taken: dict[str, list[tuple[float, float]]] = {}
        # The variants take turns, so that other load affects all of them.
        for number in range(args.repeat):
            cache = Path(scratch) / f"cache-{number}"
            taken.setdefault("loop of helm template", []).append(_timed(partial(_loop, args.helm, archives)))
            for name, options in _ways(args.helm).items():
                taken.setdefault(name, []).append(_timed(partial(_check, [args.tree], cache, options)))
        _print(taken)
        _print_growth(charts, args.tree, Path(scratch))
    return 0


def _ways(helm: str) -> dict[str, list[str]]:
    return {
        "check, sdk, cold": ["--renderer", "sdk"],
        "check, sdk, warm": ["--renderer", "sdk"],
        "check, helm, cold": ["--renderer", "helm", "--helm-program", helm],
        "check, helm, warm": ["--renderer", "helm", "--helm-program", helm],
    }


def _archives(tree: Path, scratch: Path) -> tuple[list[Path], list[Path]]:
    """Return the charts of the tree that render, and each one packaged with its dependencies."""
    reader = Reader()
    charts, found = [], []
    for number, chart in enumerate(find_charts(tree)):
        try:
            files = reader.read(chart, tree)
        except SuiteError as error:
            print(f"left out: {error.message}", file=sys.stderr)
            continue
        if not files.library:
            archive = scratch / f"{number}.tgz"
            archive.write_bytes(files.packed())
            charts.append(chart)
            found.append(archive)
    return charts, found


def _loop(helm: str, archives: list[Path]) -> None:
    for archive in archives:
        argv = [helm, "template", "conformance", str(archive)]
        subprocess.run(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)


def _check(paths: list[Path], cache: Path, options: list[str]) -> None:
    with _started(paths, cache, options) as run:
        _ended(run)


def _started(paths: list[Path], cache: Path, options: list[str]) -> subprocess.Popen[bytes]:
    argv = [sys.executable, "-m", "osh_conformance", "check", *map(str, paths), *options]
    environment = {**os.environ, "OSH_CONFORMANCE_CACHE": str(cache), "PYTHONPYCACHEPREFIX": str(cache.parent / "pyc")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return subprocess.Popen(argv, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def _ended(run: subprocess.Popen[bytes]) -> None:
    errors = run.communicate()[1]
    if run.returncode not in (0, 1):
        print(f"exit code {run.returncode}: {errors.decode()[-500:]}", file=sys.stderr)


def _timed(work: partial[None]) -> tuple[float, float]:
    """Return seconds, and seconds of processor time of all child processes."""
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
    print(json.dumps({name: round(seconds / loop[0], 3) for name, (seconds, _) in medians.items()}))


# -- the growth -------------------------------------------------------------------------------------------------------


def _print_growth(charts: list[Path], tree: Path, scratch: Path) -> None:
    copies = _copied(tree, scratch / "copies")
    sizes = {len(charts) // 4: charts[: len(charts) // 4], len(charts): [tree], len(charts) * _COPIES: copies}
    for number, paths in sizes.items():
        memory = Counter[str]()
        work = partial(_watched, paths, scratch / f"cache-of-{number}", memory)
        seconds, busy = _timed(work)
        sizes_of = "   ".join(f"{name} {memory[name] // 1024:4} MiB" for name in ("main", "largest worker", "sum"))
        print(f"{number:4} charts, cold {seconds:7.2f} s   processor {busy:7.2f} s   {sizes_of}")


def _copied(tree: Path, place: Path) -> list[Path]:
    """Copy the tree several times; return the copies."""
    copies = [place / f"{number}" / tree.resolve().name for number in range(_COPIES)]
    for copy in copies:
        shutil.copytree(tree, copy, symlinks=True, ignore=shutil.ignore_patterns(".git"))
        for file in copy.rglob(CHART_FILE):
            file.write_bytes(file.read_bytes() + f"\n# {copy}\n".encode())
    return copies


def _watched(paths: list[Path], cache: Path, memory: Counter[str]) -> None:
    """Run `check`, and put the peaks into `memory`, in KiB."""
    workers: Counter[int] = Counter()
    with _started(paths, cache, []) as run:
        while run.poll() is None:
            main = _memory(run.pid)
            children = {child: _memory(child) for child in _children(run.pid)}
            memory["main"] = max(memory["main"], main[_PEAK])
            workers |= Counter({child: found[_PEAK] for child, found in children.items()})
            memory["sum"] = max(memory["sum"], sum(found[_NOW] for found in (main, *children.values())))
            time.sleep(_TICK)
        _ended(run)
    memory["largest worker"] = max(workers.values(), default=0)


def _children(pid: int) -> list[int]:
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]
    except OSError:
        return []


def _memory(pid: int) -> Counter[str]:
    """Return the memory of a process by field, in KiB; nothing of one that has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return Counter()
    fields = (line.split() for line in lines if line.startswith((_PEAK, _NOW)))
    return Counter({name.rstrip(":"): int(size) for name, size, *_ in fields})


if __name__ == "__main__":
    sys.exit(main())
