"""What `live` and `plan` are asked for: charts, the matrix, and the cluster."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from osh_conformance.config import settings
from osh_conformance.errors import UsageError

if TYPE_CHECKING:
    import argparse

    from osh_conformance.config.configuration import Configuration
    from osh_conformance.config.options import LiveOptions

#: Options without which a chart would not be judged in the same way, and those without which a pair would not run so.
CHARTS = ("config", "convention", "catalog", "renderer")
_REPEATED = (*CHARTS, "node_image", "kubeconfig", "context", "allow_cluster")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Offer them."""
    parser.add_argument(
        "paths", nargs="+", type=Path, metavar="PATH", help="a chart directory, a .tgz, or a tree of charts"
    )
    _add_matrix(parser.add_argument_group("what is run"))
    _add_charts(parser.add_argument_group("the charts"))
    _add_cluster(parser.add_argument_group("the cluster"))


def _add_matrix(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--flavor", action="append", default=[], metavar="NAME,...|all", help="image flavors")
    group.add_argument(
        "--flavor-file",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="a flavor of your own; may be repeated",
    )
    group.add_argument(
        "--format", action="append", default=[], metavar="NAME,...|all", help="packaging formats (default docker)"
    )
    group.add_argument(
        "--runtime",
        action="append",
        default=[],
        metavar="NAME,...|all",
        help="container runtimes (default: the nodes' own); `all` leaves out what this cluster cannot have",
    )
    group.add_argument("--helm", default="4", metavar="3,4", help="Helm majors (default 4)")
    group.add_argument(
        "--matrix",
        default="full",
        metavar="full|pairwise|single",
        help="every combination (default), each pair of values once, or one change at a time",
    )
    group.add_argument("--shard", metavar="I/N", help="run only part I of N; a cell stays in its part")
    group.add_argument(
        "--scenario",
        action="append",
        default=[],
        metavar="NAME,...|TABLE|all",
        help="scenarios, or tables of them: main (default), lifecycle, faults, environment; all is the first three",
    )
    group.add_argument("--faults", action="store_true", help="the table of faults too: removals that go wrong")
    group.add_argument(
        "--repeat",
        type=_times,
        default=1,
        metavar="N",
        help="go through each scenario's steps N times, on one server and in one namespace (table main only)",
    )
    group.add_argument(
        "--parallel", type=_cells, metavar="N", help="cells at a time (default: what this machine carries)"
    )
    group.add_argument(
        "--timeout", type=float, default=300.0, metavar="SECONDS", help="what a release has to get ready (default 300)"
    )


def _cells(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise UsageError(f"--parallel {text}", expected="a number of cells, at least 1")
    return int(text)


def _times(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise UsageError(f"--repeat {text}", expected="a number of times, at least 1")
    return int(text)


def _add_charts(chart: argparse._ArgumentGroup) -> None:
    chart.add_argument(
        "--values", action="append", default=[], type=Path, metavar="FILE", help="values; may be repeated"
    )
    chart.add_argument("--convention", metavar="NAME|FILE", help="how the charts are laid out; recognised without it")
    chart.add_argument("--catalog", type=Path, metavar="FILE", help="what the charts need; catalog.yaml beside a chart")
    chart.add_argument(
        "--renderer", choices=("sdk", "helm"), help="what renders: helm-python-sdk if installed, else helm"
    )
    settings.add_config(chart)


def _add_cluster(cluster: argparse._ArgumentGroup) -> None:
    cluster.add_argument("--node-image", metavar="REF", help="kind's node image, instead of the one that set-up chose")
    cluster.add_argument("--keep", action="store_true", help="leave the cluster; the next run uses it again")
    cluster.add_argument("--kubeconfig", type=Path, metavar="FILE", help="use the cluster of this file instead")
    cluster.add_argument("--context", metavar="NAME", help="the context in it")
    cluster.add_argument(
        "--allow-cluster", metavar="NAME", help="repeat the name of a cluster that is not this suite's"
    )
    cluster.add_argument(
        "--allow-privileged",
        action="store_true",
        help="install charts that ask for privileged pods, for what is the node's, or for objects of the whole cluster",
    )
    cluster.add_argument("--recipes", type=Path, metavar="DIR", help="where build recipes are; ./ci of a checkout")


def live_request(args: argparse.Namespace, wanted: Configuration) -> LiveOptions:
    """The run that is asked for; raises `UsageError`."""
    from osh_conformance.config.options import LiveOptions, read_overrides  # noqa: PLC0415

    return LiveOptions(
        paths=tuple(args.paths),
        flavors=_listed(args.flavor),
        flavor_files=tuple(args.flavor_file),
        packaging_formats=_listed(args.format),
        runtimes=_listed(args.runtime),
        helm_majors=_majors(args.helm),
        matrix_mode=args.matrix,
        shard=args.shard,
        scenarios=_listed(args.scenario),
        faults=args.faults,
        repeat=args.repeat,
        values=read_overrides(map(Path, wanted.values)),
        convention=wanted.convention,
        catalog=Path(wanted.catalog) if wanted.catalog else None,
        renderer=wanted.renderer,
        strict=wanted.strict,
        kubeconfig=args.kubeconfig,
        context=args.context,
        allow_cluster=args.allow_cluster,
        allow_privileged=args.allow_privileged,
        node_image=args.node_image,
        recipes=args.recipes,
        keep=args.keep,
        parallel=args.parallel,
        ready_timeout=args.timeout,
        repeated=options(args, wanted, _REPEATED),
        artifacts=getattr(args, "artifacts", Path("artifacts")),
    )


def options(args: argparse.Namespace, wanted: Configuration, single: tuple[str, ...]) -> tuple[str, ...]:
    """The words of the command line that a run of one finding needs too."""
    words = settings.repeated(args, single)
    return (*words, "--strict") if wanted.strict else words


def _listed(entries: list[str]) -> tuple[str, ...]:
    return tuple(name.strip() for entry in entries for name in entry.split(",") if name.strip())


def _majors(text: str) -> tuple[int, ...]:
    try:
        return tuple(dict.fromkeys(int(word) for word in text.split(",")))
    except ValueError:
        raise UsageError(f"--helm {text}", expected="3, 4 or 3,4") from None
