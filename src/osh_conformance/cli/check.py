"""`osh-conformance check`: judge charts without a cluster."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from osh_conformance.cli import output

if TYPE_CHECKING:
    import argparse

    from osh_conformance.suite.static import StaticRequest

INTERRUPTED = 2


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the verb."""
    parser = subparsers.add_parser("check", help="judge charts without a cluster, in seconds", description=__doc__)
    parser.add_argument(
        "paths", nargs="+", type=Path, metavar="PATH", help="a chart directory, a .tgz, or a tree of charts"
    )
    parser.add_argument("--rule", action="append", default=[], metavar="ID,...", help="judge by these rules only")
    parser.add_argument(
        "--values",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="values for every chart; may be repeated",
    )
    parser.add_argument("--convention", metavar="NAME|FILE", help="how the charts are laid out; recognised without it")
    parser.add_argument(
        "--catalog", type=Path, metavar="FILE", help="what the charts need; catalog.yaml beside a chart"
    )
    parser.add_argument(
        "--renderer", choices=("sdk", "helm"), help="what renders: helm-python-sdk if installed, else helm"
    )
    parser.add_argument(
        "--helm-program",
        type=Path,
        metavar="FILE",
        default=os.environ.get("OSH_CONFORMANCE_HELM"),
        help="the helm program (OSH_CONFORMANCE_HELM; found on PATH without it)",
    )
    output.add_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Judge, print, write the files that were asked for; return the exit code."""
    # Here, so that `--help` does not wait for them.
    from osh_conformance.cli.isolated import run_suite  # noqa: PLC0415
    from osh_conformance.plugin.static import Handover  # noqa: PLC0415
    from osh_conformance.report import document, terminal  # noqa: PLC0415
    from osh_conformance.report.run import Run  # noqa: PLC0415
    from osh_conformance.suite.static import StaticSuite  # noqa: PLC0415

    output.check_writable(args)
    suite = StaticSuite(_request(args))
    found = Run(target={"verb": "check", "paths": [str(path) for path in args.paths], "rules": list(suite.rules)})
    charts = [f"--charts={path}" for path in args.paths]
    code = run_suite(["static"], charts, [Handover(suite, found)], junit=args.junit)
    found.interrupted = code == INTERRUPTED
    found.finish()
    if args.json:
        document.write(found, args.json)
    terminal.show(found, sys.stdout)
    return found.exit_code


def _request(args: argparse.Namespace) -> StaticRequest:
    from osh_conformance.suite.static import StaticRequest, read_overrides  # noqa: PLC0415

    return StaticRequest(
        paths=tuple(args.paths),
        rules=tuple(args.rule),
        values=read_overrides(args.values),
        strict=args.strict,
        renderer=args.renderer,
        helm=Path(args.helm_program) if args.helm_program else None,
        convention=args.convention,
        catalog=args.catalog,
        options=_repeated(args),
    )


def _repeated(args: argparse.Namespace) -> tuple[str, ...]:
    """The options that change what is found, as they were given."""
    words = [word for file in args.values for word in ("--values", str(file))]
    for option in ("convention", "catalog", "renderer"):
        if value := getattr(args, option):
            words += [f"--{option}", str(value)]
    return (*words, "--strict") if args.strict else tuple(words)
