"""Kill runs with -9 at random moments: `gc` must leave nothing behind, and bystanders must not change.

    python -m ci.kills [--times 20] [--seed N] [--chart PATH] [--scenario NAME,...] [--between FROM,TO]

It first creates bystanders, which do not belong to the suite or not to the run that is killed: another kind cluster
with a Helm release and a database; a kept cluster of another state folder, with another user's release and database
beside the suite's own things; a container, a network, a volume, a process and folders that look like the suite's own.
It takes a digest of each, before the first kill and after each `gc`.

Then it repeats this N times: it starts `osh-conformance live CHART --scenario NAME` with a separate state folder, and
kills it at a moment that is drawn evenly from the time of a complete run. In turns it kills only the main process,
whose helpers go on, and all processes at once. `osh-conformance gc` must then end with 0. It checks containers,
networks with their bridges and firewall rules, volumes, names of images, processes (those in containers too), mounts,
the state folder, HOME, TMPDIR and the working folder. The registry's store volume outlives runs, and so do
timings.json with its lock, and renderings in the cache, which is empty when a run starts. Every fifth run uses the
kept cluster, which must stay, without the namespaces of the run.

It measures a complete run of each scenario first, which must leave nothing behind without any `gc`. It prints the
seed; the same seed draws the same moments again, as fractions of a run's time. `--between 0.1,0.3` draws from a part
of that time, to examine one step. At the end it removes everything it created, however it ends.

Exit codes: 0 nothing was left and no bystander changed, 1 something was left or a bystander changed, 2 interrupted,
3 the environment failed and nothing is known, 4 usage.
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
from osh_conformance.errors import ExitCode, SuiteError, UsageError
from osh_conformance.loading import definitions
from osh_conformance.plan import scenarios
from osh_conformance.progress import Progress
from osh_conformance.provision import runs
from osh_conformance.provision import tools as setup

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from types import FrameType

    from osh_conformance.provision.tools import Tools

#: Some of them change a node by a fault.
_SCENARIOS = ("drop-enabled", "drop-disabled", "pull-policy", "network-cut")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message, fix=f"{self.prog} --help")


def main(argv: Sequence[str] | None = None) -> int:
    """Kill, collect, compare and report; return the exit code."""
    before = signal.signal(signal.SIGTERM, _interrupt)
    rows: list[Row] = []
    try:
        return _run(_arguments(argv), rows)
    except KeyboardInterrupt:
        say("interrupted")
        return ExitCode.INTERRUPTED
    except SuiteError as error:
        say(f"ERROR {error}")
        return error.exit_code
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    formatter = argparse.RawDescriptionHelpFormatter
    parser = _Parser(prog="python -m ci.kills", description=__doc__, formatter_class=formatter)
    parser.add_argument("--times", type=int, default=20, metavar="N", help="how many runs to kill (default 20)")
    parser.add_argument("--seed", type=int, default=None, metavar="N", help="repeat the moments of an earlier call")
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
        help=f"the scenarios to run, in turns (default {','.join(_SCENARIOS)})",
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
    known = scenarios.known()
    return tuple(definitions.chosen(known, name, "scenario").name for name in text.split(","))


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
    say(f"seed {args.seed}: {args.times} kills; everything created here has {identity} in its name or its labels")
    tools = setup.find(setup.RunNeeds(), recipes=ROOT / "ci", progress=progress)
    started = time.monotonic()
    late: tuple[str, ...] = ()
    try:
        with _cleared(tools, identity) as (home, stack):
            own, other = Home.create(home / "own"), Home.create(home / "kept")
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
            late = trial.check_late()
            say("\n".join(["after the last gc:", *bystanders.digests()]))
    finally:
        if rows:
            say("\n" + table(rows))
        for each in late:
            say(f"LATE    {each}")
        say(f"seed {args.seed}, {(time.monotonic() - started) / 60:.0f} min")
    return ExitCode.OK if all(row.ok for row in rows) and not late else ExitCode.VIOLATED


def _cheapest(names: Collection[str]) -> str:
    """Return the cheapest scenario: one that installs nothing, if there is one."""
    known = scenarios.known()
    return next((name for name in names if known[name].probes), next(iter(names)))


@contextlib.contextmanager
def ignored() -> Iterator[None]:
    """Finish the body despite interrupts: a clean-up that is interrupted leaves clusters behind."""
    # With a handler, because programs that clean up would inherit ignored signals.
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _cleared(tools: Tools, identity: str) -> Iterator[tuple[Path, contextlib.ExitStack]]:
    """Yield a folder and a stack, and clean up both. Raises `SuiteError` if something is left."""
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
            say("everything created here is removed" if not left else "\n".join(["NOT REMOVED:", *left]))
            undisturbed.close()
    if left:
        raise SuiteError("some things that this script created are still there", details="\n".join(left))


if __name__ == "__main__":
    sys.exit(main())
