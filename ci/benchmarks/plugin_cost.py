"""Measure what the plugin costs a pytest run that does not use it.

Runs pytest on one empty test in turns without the plugin and with it, so that both see the same load. It measures
processor time, because the plugin waits for nothing and other work on the machine must not count. Prints one JSON line.
Exits with 1 if the plugin costs more than `--most` milliseconds.
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
from pathlib import Path

_PLUGIN = ("-p", "osh_conformance.plugin")
_TEST = "def test_nothing():\n    pass\n"


def main() -> int:
    """Measure, print, compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="runs of each kind (default: 15)")
    parser.add_argument("--most", type=float, default=20.0, help="allowed cost in milliseconds (default: 20)")
    args = parser.parse_args()
    without, with_plugin = _measured(args.rounds)
    # The two runs of a round follow each other directly: their difference is the plugin's cost.
    cost = statistics.median(after - before for before, after in zip(without, with_plugin, strict=True))
    result = {
        "rounds": args.rounds,
        "without_ms": round(statistics.median(without), 1),
        "with_ms": round(statistics.median(with_plugin), 1),
        "cost_ms": round(cost, 1),
        "ratio": round(statistics.median(with_plugin) / statistics.median(without), 3),
        "most_ms": args.most,
    }
    print(json.dumps(result))
    return 0 if cost <= args.most else 1


def _measured(rounds: int) -> tuple[list[float], list[float]]:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "test_nothing.py").write_text(_TEST)
        _run(folder, ())  # the first run reads everything from disk
        _run(folder, _PLUGIN)
        pairs = []
        for number in range(rounds):
            order = ((), _PLUGIN) if number % 2 == 0 else (_PLUGIN, ())
            seconds = {options: _run(folder, options) for options in order}
            pairs.append((seconds[()], seconds[_PLUGIN]))
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def _run(folder: str, words: tuple[str, ...]) -> float:
    """Return the processor time of one run in milliseconds. Other installed plugins are disabled."""
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *words],
        check=True,
        capture_output=True,
        cwd=folder,
        env=environment,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000


if __name__ == "__main__":
    sys.exit(main())
