"""`osh-conformance live`: judge charts by what they do on a cluster."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from osh_conformance.cli import output
from osh_conformance.config import settings, wishes

if TYPE_CHECKING:
    import argparse

    from osh_conformance.config.configuration import Configuration
    from osh_conformance.config.options import CheckOptions

INTERRUPTED = 2
_DESCRIPTION = """
Installs each chart on a kind cluster of the suite's own, with each image flavor, packaging format, container runtime
and Helm major, and judges by what then runs, by what the database server shows before and after, and by what
`helm uninstall` leaves. `osh-conformance plan` says what that would be, and how long it takes. The static rules are
checked too. The cluster is removed afterwards. `osh-conformance setup` provides what this needs.
"""
_EXAMPLES = """
examples:
  osh-conformance live charts-under-test/keystone
  osh-conformance live charts/keystone --flavor distribution --helm 3,4 --junit report.xml
  osh-conformance live charts/keystone --flavor all --runtime all --format all --matrix pairwise
  osh-conformance live charts/keystone --scenario drop-enabled --keep
  osh-conformance live charts/keystone --scenario lifecycle
  osh-conformance live charts/keystone --faults
  osh-conformance live charts/keystone --scenario drop-enabled --repeat 50
  osh-conformance live charts/keystone --kubeconfig ~/.kube/test --allow-cluster my-test-cluster
"""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the verb."""
    import argparse  # noqa: PLC0415

    parser = subparsers.add_parser(
        "live",
        help="judge charts by what they do on a cluster",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    wishes.add_options(parser)
    settings.add_deviations(parser.add_argument_group("what is expected"))
    output.add_options(parser)
    parser.add_argument(
        "--artifacts", type=Path, default=Path("artifacts"), metavar="DIR", help="where logs of what failed go"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run, print, write the files that were asked for; return the exit code."""
    # Here, so that `--help` does not wait for them.
    from osh_conformance.check.engine import StaticSuite  # noqa: PLC0415
    from osh_conformance.config.expectations import Expectations  # noqa: PLC0415
    from osh_conformance.folders import default_folders  # noqa: PLC0415
    from osh_conformance.plan.plan import LiveSuite  # noqa: PLC0415
    from osh_conformance.plugin import live, static  # noqa: PLC0415
    from osh_conformance.plugin.in_process import run_suite  # noqa: PLC0415
    from osh_conformance.progress import Progress  # noqa: PLC0415
    from osh_conformance.provision.scratch import hold_temporary_files  # noqa: PLC0415
    from osh_conformance.report import json_document, tables, terminal  # noqa: PLC0415
    from osh_conformance.report.result import RunReport  # noqa: PLC0415

    output.check_writable(args)
    wanted = settings.read(args)
    hold_temporary_files(default_folders().scratch)
    suite = LiveSuite(wishes.live_request(args, wanted))
    found = RunReport(target=_target(args), helm=args.helm, shard=args.shard)
    handovers = [
        static.Handover(StaticSuite(_static_request(args, wanted)), found, Expectations.of_files(wanted.deviations)),
        live.Handover(suite, found, Progress()),
    ]
    options = ["--live", "-p", "pytest_helm_charts.plugin", *(f"--charts={path}" for path in args.paths)]
    code = run_suite(["static", "live"], options, handovers, junit=args.junit)
    found.interrupted = code == INTERRUPTED
    found.finish()
    if args.json:
        json_document.write(found, args.json)
    print(tables.cells(found), end="\n\n")
    terminal.show(found, sys.stdout)
    return found.exit_code


def _target(args: argparse.Namespace) -> dict[str, object]:
    axes = {"flavor": args.flavor, "format": args.format, "runtime": args.runtime}
    return {"verb": "live", "paths": [str(path) for path in args.paths], "matrix": args.matrix, **axes}


def _static_request(args: argparse.Namespace, wanted: Configuration) -> CheckOptions:
    from osh_conformance.config import configuration  # noqa: PLC0415

    return configuration.static_request(tuple(args.paths), wanted, options=wishes.options(args, wanted, wishes.CHARTS))
