"""Kill runs with -9 at random moments. `gc` must then remove everything of them, and bystanders must lose nothing.

    python -m ci.kills [--times 20] [--seed N] [--chart PATH] [--scenario NAME,...] [--between FROM,TO]

First the script makes bystanders, which do not belong to the killed run: another kind cluster with a Helm release and a
database; a kept cluster of another state folder, with another tenant's release and database beside the suite's own; and
a container, a network, a volume, a process and folders that look like the suite's own. It takes a digest of each before
the first kill and after each `gc`.

Then it repeats a round `--times` times:

- It starts `osh-conformance live CHART --scenario NAME` in a separate state folder.
- It kills the run at a random moment, drawn evenly from the duration of a complete run. It kills in turns the main
  process alone, which leaves its helpers running, and all processes at once.
- It runs `osh-conformance gc`, which must exit with 0, and looks for leftovers: containers, networks with their bridges
  and firewall rules, volumes, image names, processes (also in containers), mounts, and files in the state folder, HOME,
  TMPDIR and the working folder.

The registry's store volume, timings.json with its lock, and renderings in the cache outlive runs; there are no
renderings when a run starts. Every fifth run uses the kept cluster, which must stay, without the run's namespaces.

The script first measures a complete run of each scenario, which must leave nothing even without `gc`. It prints the
seed; the same seed draws the same moments again, as fractions of a run's duration. `--between 0.1,0.3` draws from one
part of the duration, to examine one step. At the end the script removes everything that it made, also after an error.

Exit codes: 0 no leftovers and no changed bystanders, 1 leftovers or a changed bystander, 2 interrupted, 3 the
environment failed and the result is unknown, 4 usage error.
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
from osh_conformance.loading import definitions
from osh_conformance.plan import scenarios
from osh_conformance.progress import Progress
from osh_conformance.provision import runs
from osh_conformance.provision import tools as toolbox

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from types import FrameType

    from osh_conformance.provision.tools import Tools

OK, FOUND, INTERRUPTED = 0, 1, 2
#: Some of them inject a fault that changes a node.
_SCENARIOS = ("drop-enabled", "drop-disabled", "pull-policy", "network-cut")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message, fix=f"{self.prog} --help")


def main(argv: Sequence[str] | None = None) -> int:
    """Kill runs, run gc, compare, report; return the exit code."""
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
    parser.add_argument("--times", type=int, default=20, metavar="N", help="number of runs to kill (default: 20)")
    parser.add_argument("--seed", type=int, default=None, metavar="N", help="repeat the moments of an earlier call")
    parser.add_argument(
        "--chart",
        type=Path,
        default=ROOT / "charts-under-test" / "keystone",
        metavar="PATH",
        help="the chart to run; it must conform (default: charts-under-test/keystone)",
    )
    parser.add_argument(
        "--scenario",
        type=_scenarios,
        default=_SCENARIOS,
        metavar="NAME,...",
        help=f"scenarios to run, in turns (default: {','.join(_SCENARIOS)})",
    )
    parser.add_argument(
        "--between",
        type=_between,
        default=(0.0, 1.0),
        metavar="FROM,TO",
        help="draw from this part of a run's duration, as fractions (default: 0,1)",
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
    say(f"seed {args.seed}: {args.times} kills; everything made here has {identity} in its name or labels")
    tools = toolbox.find(recipes=ROOT / "ci", progress=progress)
    started = time.monotonic()
    late: tuple[str, ...] = ()
    try:
        with _cleared(tools, identity) as (home, stack):
            own, other = Home.made(home / "own"), Home.made(home / "kept")
            stack.callback(own.clear, tools.engine)
            making = Making(tools=tools, home=home, identity=identity, progress=progress, stack=stack)
            bystanders, kept = making.all(args.chart.resolve(), other, _cheapest(args.scenario))
            trial = Trial(
                chart=args.chart.resolve(), engine=tools.engine, own=own, kept=kept, bystanders=bystanders, rows=rows
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
    """Return the shortest scenario: one that installs nothing, if there is one."""
    known = scenarios.known()
    return next((name for name in names if known[name].probes), next(iter(names)))


@contextlib.contextmanager
def ignored() -> Iterator[None]:
    """Ignore interrupts during the body: an interrupted clean-up would leave clusters behind."""
    # Child processes inherit ignored signals, but not handlers.
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _cleared(tools: Tools, identity: str) -> Iterator[tuple[Path, contextlib.ExitStack]]:
    """Yield a working folder and a clean-up stack. Raises `SuiteError` if something is left at the end."""
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
                lines = tools.engine.lines(*words, "--format", f'{name} {{{{.Label "{runs.STATE_LABEL}"}}}}')
                left += [f"{words[0]}: {line}" for line in lines if identity in line]
            say("everything made here is removed" if not left else "\n".join(["NOT REMOVED:", *left]))
            undisturbed.close()
    if left:
        raise SuiteError("the script failed to remove what it made", details="\n".join(left))


if __name__ == "__main__":
    sys.exit(main())
