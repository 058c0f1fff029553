"""The program `osh-conformance`: one module a verb, each with `register(subparsers)` and `run(args) -> int`."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import sys
from typing import TYPE_CHECKING, NoReturn

from osh_conformance import __version__
from osh_conformance.errors import SuiteError, UsageError
from osh_conformance.waiting import orderly

if TYPE_CHECKING:
    from collections.abc import Sequence

INTERRUPTED = 2
_VERBS = ("check", "live", "plan", "explain", "setup", "doctor", "gc")


class Parser(argparse.ArgumentParser):
    """A parser whose errors are ours: one message, exit code 4."""

    def error(self, message: str) -> NoReturn:
        """Raise `UsageError`."""
        raise UsageError(message, fix=f"{self.prog} --help")


def main(argv: Sequence[str] | None = None) -> int:
    """Run a verb and return its exit code.

    0 conforms, 1 does not, 2 interrupted, 3 error of the suite or its environment, 4 usage, 5 nothing was checked.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    args = argparse.Namespace()
    try:
        with orderly():
            args = _parse(words)
            return int(args.run(args))
    except SuiteError as error:
        print(f"ERROR {error}", file=sys.stderr)
        _report(args, error)
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        _report(args, SuiteError("interrupted"))
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read us has gone (`| head`): say nothing more, not even when Python closes the stream.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return SuiteError.exit_code


def build_parser() -> Parser:
    """Return the parser with every verb."""
    parser = Parser(
        prog="osh-conformance",
        description="Checks that Helm charts run with any image under any container runtime, and clean up behind them.",
    )
    parser.add_argument("--version", action="version", version=f"osh-conformance {__version__}")
    subparsers = parser.add_subparsers(dest="verb", metavar="VERB", required=True, title="verbs")
    for verb in _verbs():
        importlib.import_module(f"{__name__}.{verb}").register(subparsers)
    return parser


def _parse(words: list[str]) -> argparse.Namespace:
    verb = words[0] if words else ""
    if verb and not verb.startswith("-") and verb not in _verbs():
        from osh_conformance.loading.suggest import did_you_mean  # noqa: PLC0415  (only a mistake needs it)

        raise UsageError(f"no verb `{verb}`{did_you_mean(verb, _verbs())}", expected=", ".join(_verbs()))
    return build_parser().parse_args(words)


def _verbs() -> list[str]:
    return [verb for verb in _VERBS if importlib.util.find_spec(f"{__name__}.{verb}")]


def _report(args: argparse.Namespace, error: SuiteError) -> None:
    """Write the files that were asked for, although there is nothing but an error to put in them."""
    from osh_conformance.cli.output import write_error  # noqa: PLC0415  (only a mistake needs it)

    try:
        write_error(args, error)
    except SuiteError as second:
        print(f"ERROR {second}", file=sys.stderr)
