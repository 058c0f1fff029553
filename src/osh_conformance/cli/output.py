"""The options for output that verbs share, and the files that they name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from osh_conformance.errors import SuiteError


def add_options(parser: argparse.ArgumentParser) -> None:
    """Offer `--json`, `--junit` and `--strict`."""
    group = parser.add_argument_group("output")
    group.add_argument(
        "--json", type=Path, metavar="FILE", help="write everything as one JSON document, whatever happens"
    )
    group.add_argument("--junit", type=Path, metavar="FILE", help="write JUnit XML, whatever happens")
    group.add_argument("--strict", action="store_true", help="warnings fail")


def check_writable(args: argparse.Namespace) -> None:
    """Make the folders of the files that `args` name; raises `UsageError` where one could not be written at the end."""
    from osh_conformance.errors import UsageError  # noqa: PLC0415  (`--help` waits for nothing)

    for file in (args.json, args.junit):
        if file is None:
            continue
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.open("ab").close()
        except OSError as error:
            raise UsageError(f"cannot write {file}: {error.strerror}") from error


def write_error(args: argparse.Namespace, error: SuiteError) -> None:
    """Write the files that `args` ask for with nothing but `error` in them."""
    from osh_conformance.report import document, junit  # noqa: PLC0415  (only a run that broke needs them)
    from osh_conformance.report.run import Run, error_finding  # noqa: PLC0415

    if getattr(args, "json", None):
        run = Run(target={"verb": args.verb}, errors=[error_finding(error)])
        run.finish()
        document.write(run, args.json)
    if getattr(args, "junit", None):
        junit.write_error(args.junit, args.verb, str(error))
