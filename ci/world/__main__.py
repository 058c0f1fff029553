"""Make the ordinary machine inside this one, and try the suite on it as an ordinary user.

    python -m ci.world rows [--group world] [--quick]   make a world, run rows in it, remove it
    python -m ci.world rows --only NAME,... [--here]    single rows; --here: in the world that is up
    python -m ci.world killed                           kill a world's maker with -9: nothing must be left
    python -m ci.world up | down                        make a world that stays; remove all worlds
    python -m ci.world as-user -- COMMAND               run a command there as the plain user
    python -m ci.world run -- COMMAND                   ... as root
    python -m ci.world faults [WORD ...]                switch faults on, such as hub-429; all others off
    python -m ci.world log                              print what the registries were asked

A world needs root, and leaves the host as it was; `rows` compares. README.md says what it is and where it ends.

Exit codes: 0 all rows passed and nothing is left, 1 not so, 2 interrupted, 3 the world could not be made, 4 usage.
"""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from ci.world import box, journal, killed, layout, rows, session, witness
from ci.world.running import Runner, table
from ci.world.things import Things
from ci.world.user import PlainUser
from osh_conformance.errors import ExitCode, SuiteError
from osh_conformance.progress import Progress
from osh_conformance.waiting import orderly

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ci.world.rows import Row
    from ci.world.session import Session

_GROUPS = ("world", "faults", "bad-input")


def main(argv: Sequence[str] | None = None) -> int:
    """Run a verb; return the exit code."""
    args = _arguments(argv)
    try:
        with orderly():
            return int(args.verb(args))
    except SuiteError as error:
        print(f"ERROR {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m ci.world", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--id", default="", help="the world, where several are up")
    parser.add_argument(
        "--any-build", action="store_true", help="take any finished build of a recipe, rather than build it again"
    )
    verbs = parser.add_subparsers(title="verbs", required=True, metavar="VERB")

    def verb(name: str, function: object, text: str) -> argparse.ArgumentParser:
        made = verbs.add_parser(name, help=text, description=text)
        made.set_defaults(verb=function)
        return made

    verb("up", _up, "make a world that stays until `down`")
    verb("down", _down, "remove worlds, and what killed ones left")
    verb("log", _log, "print what the registries were asked")
    verb("killed", _killed, "kill the maker of a world with -9 midway, remove what is left, and compare the host")
    faults = verb("faults", _faults, "switch faults on, and all others off")
    faults.add_argument("words", nargs="*", metavar="GROUP-FAULT", help="such as hub-429, hub-drop, quay-503")
    for name, function, text in (
        ("as-user", _as_user, "run a command as the plain user"),
        ("run", _as_root, "run a command as root"),
    ):
        verb(name, function, text).add_argument("command", nargs="+", help="after --")
    table_verb = verb("rows", _rows, "make a world, run rows in it, remove it, and compare the host")
    table_verb.add_argument(
        "--group", default=",".join(_GROUPS), help=f"groups of rows: {', '.join(_GROUPS)} (default all)"
    )
    table_verb.add_argument("--only", default="", metavar="NAME,...", help="only these rows")
    table_verb.add_argument("--quick", action="store_true", help="only the rows of the gate")
    table_verb.add_argument("--here", action="store_true", help="in the world that is up, which stays")
    table_verb.add_argument("--list", action="store_true", help="print the rows, and run none")
    return parser.parse_args(argv)


def _up(args: argparse.Namespace) -> ExitCode:
    made = session.up(session.stock(Progress(), any_build=args.any_build), outlive=True)
    session.copy_checkout(made.world)
    print(box.state(made.world))
    return ExitCode.OK


def _down(args: argparse.Namespace) -> ExitCode:
    for world in layout.worlds():
        if args.id in ("", world.identity):
            box.remove(world)
            print(f"removed  world {world.identity}")
    return ExitCode.OK


def _log(args: argparse.Namespace) -> ExitCode:
    for entry in journal.read(layout.the_world(args.id).journal):
        print(entry)
    return ExitCode.OK


def _faults(args: argparse.Namespace) -> ExitCode:
    session.attach(args.id).switch(*args.words)
    return ExitCode.OK


def _as_user(args: argparse.Namespace) -> int:
    user = PlainUser(world=layout.the_world(args.id), path=(f"{layout.HOME}/venv/bin",))
    words = args.command
    # One word is a script, several are a command.
    return subprocess.run(user.argv(words[0] if len(words) == 1 else shlex.join(words)), check=False).returncode


def _as_root(args: argparse.Namespace) -> int:
    return subprocess.run(box.entered(layout.the_world(args.id), args.command), check=False).returncode


def _killed(args: argparse.Namespace) -> ExitCode:
    return ExitCode.OK if killed.check(any_build=args.any_build) else ExitCode.VIOLATED


def _rows(args: argparse.Namespace) -> ExitCode:
    groups = tuple(args.group.split(","))
    chosen = rows.chosen(groups, tuple(filter(None, args.only.split(","))), quick=args.quick)
    if args.list:
        for row in chosen:
            print(f"{row.name:<32} {row.group:<10} {row.about}")
        return ExitCode.OK
    progress = Progress()
    if args.here:
        return ExitCode.OK if _run(session.attach(args.id), chosen, progress) else ExitCode.VIOLATED
    started = time.monotonic()
    parts = session.stock(progress, any_build=args.any_build)
    before = witness.lists()
    with session.opened(parts) as opened:
        passed = _run(opened, chosen, progress)
    changed = witness.differences(before, witness.lists())
    print("\n".join(["THE HOST CHANGED:", *changed]) if changed else "the host is as it was")
    print(f"the whole took {time.monotonic() - started:.0f} s")
    return ExitCode.OK if passed and not changed else ExitCode.VIOLATED


def _run(opened: Session, chosen: Sequence[Row], progress: Progress) -> bool:
    runner = Runner(session=opened, progress=progress, things=Things(session=opened, progress=progress))
    try:
        for row in chosen:
            with progress.step(f"row {row.name}"):
                result = runner.run(row)
            for problem in result.problems:
                progress.say(f"       {problem}")
    finally:
        if runner.results:
            print(table(runner.results))
    return all(result.ok for result in runner.results) and len(runner.results) == len(chosen)


if __name__ == "__main__":
    sys.exit(main())
