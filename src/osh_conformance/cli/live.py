"""`osh-conformance live`: judge charts by what they do on a cluster."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from osh_conformance.cli import output, settings
from osh_conformance.errors import UsageError

if TYPE_CHECKING:
    import argparse

    from osh_conformance.suite.configuration import Configuration
    from osh_conformance.suite.live import LiveRequest
    from osh_conformance.suite.static import StaticRequest

INTERRUPTED = 2
#: Options without which a chart would not be judged in the same way, and those without which a pair would not run so.
_CHARTS = ("config", "convention", "catalog", "renderer")
_REPEATED = (*_CHARTS, "flavor_file", "node_image", "kubeconfig", "context", "allow_cluster")
_DESCRIPTION = """
Installs each chart on a kind cluster of its own, with each image flavor and Helm major, and judges by what then runs,
by what the database server shows before and after, and by what `helm uninstall` leaves. The static rules are checked
too. The cluster is removed afterwards. `osh-conformance setup` provides what this needs.
"""
_EXAMPLES = """
examples:
  osh-conformance live charts-under-test/keystone
  osh-conformance live charts/keystone --flavor distribution --helm 3,4 --junit report.xml
  osh-conformance live charts/keystone --scenario drop-enabled --keep
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
    parser.add_argument(
        "paths", nargs="+", type=Path, metavar="PATH", help="a chart directory, a .tgz, or a tree of charts"
    )
    matrix = parser.add_argument_group("what is run")
    matrix.add_argument("--flavor", action="append", default=[], metavar="NAME,...", help="image flavors")
    matrix.add_argument("--flavor-file", type=Path, metavar="FILE", help="a flavor of your own")
    matrix.add_argument("--helm", default="4", metavar="3,4", help="Helm majors (default 4)")
    matrix.add_argument("--scenario", action="append", default=[], metavar="NAME,...", help="scenarios; all without it")
    matrix.add_argument("--parallel", type=int, default=2, metavar="N", help="cells at a time (default 2)")
    matrix.add_argument(
        "--timeout", type=float, default=300.0, metavar="SECONDS", help="what a release has to get ready (default 300)"
    )
    chart = parser.add_argument_group("the charts")
    chart.add_argument(
        "--values", action="append", default=[], type=Path, metavar="FILE", help="values; may be repeated"
    )
    chart.add_argument("--convention", metavar="NAME|FILE", help="how the charts are laid out; recognised without it")
    chart.add_argument("--catalog", type=Path, metavar="FILE", help="what the charts need; catalog.yaml beside a chart")
    chart.add_argument(
        "--renderer", choices=("sdk", "helm"), help="what renders: helm-python-sdk if installed, else helm"
    )
    settings.add_config(chart)
    settings.add_deviations(parser.add_argument_group("what is expected"))
    cluster = parser.add_argument_group("the cluster")
    cluster.add_argument("--node-image", metavar="REF", help="kind's node image, instead of the one that set-up chose")
    cluster.add_argument("--keep", action="store_true", help="leave the cluster; the next run uses it again")
    cluster.add_argument("--kubeconfig", type=Path, metavar="FILE", help="use the cluster of this file instead")
    cluster.add_argument("--context", metavar="NAME", help="the context in it")
    cluster.add_argument(
        "--allow-cluster", metavar="NAME", help="repeat the name of a cluster that is not this suite's"
    )
    cluster.add_argument("--recipes", type=Path, metavar="DIR", help="where build recipes are; ./ci of a checkout")
    output.add_options(parser)
    parser.add_argument(
        "--artifacts", type=Path, default=Path("artifacts"), metavar="DIR", help="where logs of what failed go"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run, print, write the files that were asked for; return the exit code."""
    # Here, so that `--help` does not wait for them.
    from osh_conformance.cli.isolated import run_suite  # noqa: PLC0415
    from osh_conformance.plugin import live, static  # noqa: PLC0415
    from osh_conformance.progress import Progress  # noqa: PLC0415
    from osh_conformance.report import document, table, terminal  # noqa: PLC0415
    from osh_conformance.report.run import Run  # noqa: PLC0415
    from osh_conformance.suite.expectations import Expectations  # noqa: PLC0415
    from osh_conformance.suite.live import LiveSuite  # noqa: PLC0415
    from osh_conformance.suite.static import StaticSuite  # noqa: PLC0415

    output.check_writable(args)
    wanted = settings.read(args)
    suite = LiveSuite(_live_request(args, wanted))
    found = Run(target={"verb": "live", "paths": [str(path) for path in args.paths]}, helm=args.helm)
    handovers = [
        static.Handover(StaticSuite(_static_request(args, wanted)), found, Expectations.of_files(wanted.deviations)),
        live.Handover(suite, found, Progress()),
    ]
    options = ["--live", "-p", "pytest_helm_charts.plugin", *(f"--charts={path}" for path in args.paths)]
    code = run_suite(["static", "live"], options, handovers, junit=args.junit)
    found.interrupted = code == INTERRUPTED
    found.finish()
    if args.json:
        document.write(found, args.json)
    print(table.cells(found), end="\n\n")
    terminal.show(found, sys.stdout)
    return found.exit_code


def _live_request(args: argparse.Namespace, wanted: Configuration) -> LiveRequest:
    from osh_conformance.suite.live import LiveRequest  # noqa: PLC0415
    from osh_conformance.suite.static import read_overrides  # noqa: PLC0415

    return LiveRequest(
        paths=tuple(args.paths),
        flavors=_listed(args.flavor),
        flavor_file=args.flavor_file,
        majors=_majors(args.helm),
        scenarios=_listed(args.scenario),
        values=read_overrides(map(Path, wanted.values)),
        convention=wanted.convention,
        catalog=Path(wanted.catalog) if wanted.catalog else None,
        renderer=wanted.renderer,
        strict=wanted.strict,
        kubeconfig=args.kubeconfig,
        context=args.context,
        allow_cluster=args.allow_cluster,
        node_image=args.node_image,
        recipes=args.recipes,
        keep=args.keep,
        parallel=args.parallel,
        settle=args.timeout,
        options=_options(args, wanted, _REPEATED),
        artifacts=args.artifacts,
    )


def _static_request(args: argparse.Namespace, wanted: Configuration) -> StaticRequest:
    from osh_conformance.suite import configuration  # noqa: PLC0415

    return configuration.static_request(tuple(args.paths), wanted, options=_options(args, wanted, _CHARTS))


def _options(args: argparse.Namespace, wanted: Configuration, single: tuple[str, ...]) -> tuple[str, ...]:
    words = settings.repeated(args, single)
    return (*words, "--strict") if wanted.strict else words


def _listed(entries: list[str]) -> tuple[str, ...]:
    return tuple(name.strip() for entry in entries for name in entry.split(",") if name.strip())


def _majors(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(word) for word in text.split(","))
    except ValueError:
        raise UsageError(f"--helm {text}", expected="3, 4 or 3,4") from None
