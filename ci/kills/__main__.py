"""Kill runs with -9 at random moments: `gc` must leave nothing of them, and bystanders must lose nothing.

    python -m ci.kills [--times 20] [--seed N] [--chart PATH] [--scenario NAME,...] [--between FROM,TO]

First come the bystanders, which are not the suite's, or not of the run that is killed: another kind cluster with a Helm
release and a database on it; a kept cluster of another state folder, with somebody's release and database beside what
the suite has there; a container, a network, a volume, a process and folders that look like the suite's own. Of each a
digest is taken, before the first kill and after each `gc`.

Then, so many times: `osh-conformance live CHART --scenario NAME` is started in a state folder of its own; at a moment
drawn evenly from the time that a complete run takes, it is killed (in turns: its main process alone, which leaves its
helpers running, and all processes of it at once); `osh-conformance gc` is run, must end with 0, and is checked:
containers, networks with their bridges and firewall rules, volumes, names of images, processes, also those in
containers, mounts, the state folder, HOME, TMPDIR and the working folder. The store volume of the registry outlives
runs, and so do timings.json with its lock, and renderings in the cache, of which there are none when a run begins.
Every fifth run is one on the kept cluster, which must stay, without the namespaces of the run.

A complete run of each scenario is measured first, and must leave nothing without any `gc`. The seed is printed: with it
the same moments are drawn again, as fractions of the time that a run takes. `--between 0.1,0.3` draws from a part of
it, to look closely at one step. At the end all is removed that this made, however it ends.

Exit codes: 0 nothing was left and nobody lost anything, 1 something was left or a bystander changed, 2 interrupted,
3 the environment broke and nothing is known, 4 usage.
"""

from __future__ import annotations

import argparse
import contextlib
import secrets
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from ci.kills.drawing import planned
from ci.kills.home import ROOT, Home
from ci.kills.making import Making
from ci.kills.outcome import Row, table
from ci.kills.processes import having
from ci.kills.trial import Trial, say
from osh_conformance.errors import SuiteError, UsageError
from osh_conformance.loading import records
from osh_conformance.progress import Progress
from osh_conformance.provision import runs
from osh_conformance.provision import tools as setup

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from types import FrameType

    from osh_conformance.provision.tools import Tools

OK, FOUND, INTERRUPTED = 0, 1, 2
#: In some of them a fault changes a node.
_SCENARIOS = ("drop-enabled", "drop-disabled", "pull-policy", "way-cut")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message, fix=f"{self.prog} --help")


def main(argv: Sequence[str] | None = None) -> int:
    """Kill, collect, compare, tell; return the exit code."""
    before = signal.signal(signal.SIGTERM, _interrupt)
    rows: list[Row] = []
    try:
        return _run(_arguments(argv), rows)
    except KeyboardInterrupt:
        say("interrupted")
        return INTERRUPTED
    except SuiteError as error:
        say(f"ERROR {error}")
        return error.exit_code
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    form = argparse.RawDescriptionHelpFormatter
    parser = _Parser(prog="python -m ci.kills", description=__doc__, formatter_class=form)
    parser.add_argument("--times", type=int, default=20, metavar="N", help="how many runs to kill (default 20)")
    parser.add_argument("--seed", type=int, default=None, metavar="N", help="draw the moments of an earlier call again")
    parser.add_argument(
        "--chart",
        type=Path,
        default=ROOT / "charts-under-test" / "keystone",
        metavar="PATH",
        help="the chart to run (default charts-under-test/keystone); it must conform",
    )
    parser.add_argument(
        "--scenario",
        type=_scenarios,
        default=_SCENARIOS,
        metavar="NAME,...",
        help=f"what to run, in turns (default {','.join(_SCENARIOS)})",
    )
    parser.add_argument(
        "--between",
        type=_between,
        default=(0.0, 1.0),
        metavar="FROM,TO",
        help="draw from this part of the time that a run takes (default 0,1)",
    )
    args = parser.parse_args(argv)
    if args.times < 1:
        parser.error(f"--times {args.times}: expected 1 or more")
    args.seed = secrets.randbelow(10**6) if args.seed is None else args.seed
    return args


def _scenarios(text: str) -> tuple[str, ...]:
    known = records.scenarios()
    return tuple(records.chosen(known, name, "scenario").name for name in text.split(","))


def _between(text: str) -> tuple[float, float]:
    try:
        begin, end = (float(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"--between {text}", expected="two numbers, as in 0.1,0.3") from None
    if not 0 <= begin <= end <= 1:
        raise UsageError(f"--between {text}", expected="from 0 to 1, the smaller one first")
    return begin, end


def _run(args: argparse.Namespace, rows: list[Row]) -> int:
    kills = planned(args.times, args.seed, args.scenario, args.between)
    progress = Progress(stream=sys.stdout)
    identity = secrets.token_hex(4)
    say(f"seed {args.seed}: {args.times} kills; all that is made here bears {identity} in its name or its labels")
    tools = setup.find(recipes=ROOT / "ci", progress=progress)
    started = time.monotonic()
    late: tuple[str, ...] = ()
    try:
        with _cleared(tools, identity) as (home, stack):
            own, other = Home.made(home / "own"), Home.made(home / "kept")
            stack.callback(own.clear, tools.docker)
            making = Making(tools=tools, home=home, identity=identity, progress=progress, stack=stack)
            bystanders, kept = making.all(args.chart.resolve(), other, _cheapest(args.scenario))
            trial = Trial(
                chart=args.chart.resolve(), docker=tools.docker, own=own, kept=kept, bystanders=bystanders, rows=rows
            )
            bystanders.remember()
            say("\n".join(["before the first kill:", *bystanders.digests()]))
            for kill in kills:
                trial.kill(kill)
            late = trial.last_look()
            say("\n".join(["after the last gc:", *bystanders.digests()]))
    finally:
        if rows:
            say("\n" + table(rows))
        for each in late:
            say(f"LATE    {each}")
        say(f"seed {args.seed}, {(time.monotonic() - started) / 60:.0f} min")
    return OK if all(row.ok for row in rows) and not late else FOUND


def _cheapest(names: Collection[str]) -> str:
    """The scenario that takes least: one that installs nothing, if there is one."""
    known = records.scenarios()
    return next((name for name in names if known[name].probes), next(iter(names)))


@contextlib.contextmanager
def ignored() -> Iterator[None]:
    """Finish what the body does, whoever interrupts meanwhile: a clean-up that is cut leaves clusters."""
    # By a handler: what is ignored, the programs that clean up would ignore too.
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _cleared(tools: Tools, identity: str) -> Iterator[tuple[Path, contextlib.ExitStack]]:
    """A folder to work in, and a stack; in the end nothing is left of either. Raises `SuiteError` if something is."""
    with tempfile.TemporaryDirectory(prefix=f"bystander-{identity}-") as folder:
        undisturbed = contextlib.ExitStack()
        try:
            with contextlib.ExitStack() as stack:
                try:
                    yield Path(folder), stack
                finally:
                    undisturbed.enter_context(ignored())
        finally:
            below = having(lambda environment: f"={folder}".encode() in environment)
            left = [f"process {pid}: {words}" for pid, words in below.items()]
            for words in (("ps", "--all"), ("network", "ls"), ("volume", "ls")):
                name = "{{.Names}}" if words[0] == "ps" else "{{.Name}}"
                lines = tools.docker.lines(*words, "--format", f'{name} {{{{.Label "{runs.STATE_LABEL}"}}}}')
                left += [f"{words[0]}: {line}" for line in lines if identity in line]
            say("all that was made here is removed" if not left else "\n".join(["NOT REMOVED:", *left]))
            undisturbed.close()
    if left:
        raise SuiteError("something of this script's own is still there", details="\n".join(left))


if __name__ == "__main__":
    sys.exit(main())
