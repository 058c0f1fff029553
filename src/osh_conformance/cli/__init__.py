"""The program `osh-conformance`. Imports the module of a verb when that verb runs, and no other."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import importlib.util
import re
import sys
import time
from typing import TYPE_CHECKING, NoReturn

from osh_conformance import __version__, host
from osh_conformance.cli import endings
from osh_conformance.cli.arguments import joined, reporters_of
from osh_conformance.cli.verbs import VERBS
from osh_conformance.errors import ExitCode, SuiteError, UsageError, install_extra
from osh_conformance.loading.suggest import did_you_mean
from osh_conformance.report.base import write_error
from osh_conformance.report.destination import discard_output
from osh_conformance.waiting import orderly

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Parser(argparse.ArgumentParser):
    """A parser that raises `UsageError` instead of ending the program."""

    def error(self, message: str) -> NoReturn:
        """Raise `UsageError`."""
        raise UsageError(message, fix=f"{self.prog} --help")


def main(argv: Sequence[str] | None = None) -> int:
    """Run a verb and return its exit code; see `ExitCode`."""
    words = list(sys.argv[1:] if argv is None else argv)
    # The program began before it imported this module, a call in a test does not.
    started = time.monotonic() - (host.process_seconds() if argv is None else 0.0)
    endings.open_streams()
    args = argparse.Namespace()
    try:
        try:
            with orderly():
                endings.check_output()
                args = _parse(words)
                args.started = started
                code = int(_implementation(args.verb)(args))
        finally:
            endings.flush()
    except SuiteError as error:
        return _ended(args, error)
    except KeyboardInterrupt:
        with contextlib.suppress(OSError):  # the terminal may have gone
            print("interrupted", file=sys.stderr)
        _write_error(args, SuiteError("interrupted"))
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has gone (`| head`).
        discard_output()
        return ExitCode.BROKEN
    except Exception as error:  # noqa: BLE001  (code 1 would say that a chart does not conform)
        return _ended(args, endings.unexpected(error, words))
    return code


def _ended(args: argparse.Namespace, error: SuiteError) -> int:
    endings.tell(error)
    _write_error(args, error)
    return error.exit_code


def build_parser(verb: str = "", *, every: bool = False) -> Parser:
    """Return the parser, with the arguments of one verb or of `every` one."""
    parser = Parser(
        prog="osh-conformance",
        description="Checks that Helm charts run with any image under any container runtime, and clean up afterwards.",
    )
    parser.add_argument("--version", "-V", action="version", version=f"osh-conformance {__version__}")
    subparsers = parser.add_subparsers(dest="verb", metavar="VERB", required=True, title="verbs")
    for name, entry in VERBS.items():
        own = subparsers.add_parser(
            name,
            help=entry.help,
            description=entry.description,
            epilog=entry.epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if every or name == verb:
            entry.add_arguments(own)
    return parser


def _parse(words: list[str]) -> argparse.Namespace:
    if words[:1] == ["help"]:
        words = [*words[1:], "--help"]
    verb = next((word for word in words if not word.startswith("-")), "")
    if not words:
        # An empty variable in a script must not pass for a chart that conforms.
        raise UsageError(f"no verb\n\n{build_parser().format_help()}")
    if verb and verb not in VERBS:
        raise UsageError(f"no verb `{verb}`{did_you_mean(verb, VERBS)}", expected=", ".join(VERBS))
    args, unknown = build_parser(verb).parse_known_args(joined(words, verb))
    if unknown:
        raise _unknown(verb, unknown)
    return args


def _unknown(verb: str, words: list[str]) -> UsageError:
    """Return the error about words that the verb does not take, and suggest an option.

    Behind a misspelt option its value may follow.
    """
    option = next((word.partition("=")[0] for word in words if word.startswith("-")), "")
    meant = did_you_mean(option, options_in_help(verb)) if option.startswith("--") else ""
    if option:
        return UsageError(f"`{verb}` has no option {option}{meant}", fix=f"osh-conformance {verb} --help")
    paths = VERBS[verb].paths
    fix = "name every PATH in one place, before or behind the options" if paths else f"osh-conformance {verb} --help"
    return UsageError(f"`{verb}` does not take {' '.join(words)} here", fix=fix)


def options_in_help(verb: str) -> list[str]:
    """Return the long options of a verb."""
    parser = argparse.ArgumentParser()
    VERBS[verb].add_arguments(parser)
    return list(dict.fromkeys(re.findall(r"(?<![\w-])--[a-z][\w-]*", parser.format_usage())))


def _implementation(name: str) -> Callable[[argparse.Namespace], int]:
    """Import the module of a verb and return its `run`; raises `SuiteError` where an extra is not installed.

    Raises it too on a system on which the verb does not run.
    """
    if VERBS[name].linux and (problems := host.live_problems()):
        raise SuiteError(f"`{name}` does not run here. {problems[0]}", fix="use Linux; `check` and `plan` run here too")
    missing = [module for module in VERBS[name].needs if importlib.util.find_spec(module) is None]
    if missing:
        raise _extra_missing(name, missing[0])
    try:
        run: Callable[[argparse.Namespace], int] = importlib.import_module(f"{__name__}.{name}").run
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == __name__.partition(".")[0]:
            raise
        raise _extra_missing(name, error.name or "") from error
    return run


def _extra_missing(verb: str, module: str) -> SuiteError:
    return SuiteError(
        f"`{verb}` needs the extra `live`: the module `{module}` is not installed", fix=install_extra("live")
    )


def _write_error(args: argparse.Namespace, error: SuiteError) -> None:
    """Write the files that the user asked for, with the error in them."""
    try:
        write_error(reporters_of(args), getattr(args, "verb", ""), error)
    except SuiteError as second:
        if str(second) != str(error):  # the first error may be that same file
            endings.tell(second)
