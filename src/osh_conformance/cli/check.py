"""`osh-conformance check`: judge charts without a cluster."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from osh_conformance.cli import output
from osh_conformance.config import settings

if TYPE_CHECKING:
    import argparse

    from osh_conformance.check.engine import StaticSuite
    from osh_conformance.config.configuration import Configuration
    from osh_conformance.config.deviations import Deviation
    from osh_conformance.config.options import CheckOptions
    from osh_conformance.report.result import RunReport

INTERRUPTED = 2
_EXAMPLES = """
examples:
  osh-conformance check charts/keystone
  osh-conformance check charts --since origin/main
  osh-conformance check charts --write-baseline deviations.yaml
  osh-conformance check charts --deviations deviations.yaml --junit report.xml

Options may stand in osh-conformance.toml, or below [tool.osh-conformance] in pyproject.toml; the command line wins.
A chart opts out of a rule with a comment: # osh-conformance: ignore RULE reason
"""
#: Options that change what is found, so that `reproduce` must repeat them.
_REPEATED = ("config", "convention", "catalog", "renderer", "flavor", "flavor_file")


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the verb."""
    import argparse  # noqa: PLC0415

    parser = subparsers.add_parser(
        "check",
        help="judge charts without a cluster, in seconds",
        description=__doc__,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "paths", nargs="+", type=Path, metavar="PATH", help="a chart directory, a .tgz, or a tree of charts"
    )
    _add_selection(parser.add_argument_group("what is judged"))
    _add_charts(parser.add_argument_group("the charts"))
    _add_expectations(parser.add_argument_group("what is expected"))
    output.add_options(parser)
    parser.set_defaults(run=run)


def _add_selection(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--rule", action="append", default=[], metavar="ID,...", help="judge by these rules only")
    group.add_argument(
        "--since", metavar="REF", help="judge only charts that git finds changed since REF, and those that need them"
    )
    group.add_argument("--shard", metavar="I/N", help="judge only part I of N; a chart stays in its part")


def _add_charts(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--values",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="values for every chart; may be repeated",
    )
    flavor = group.add_mutually_exclusive_group()
    flavor.add_argument("--flavor", metavar="NAME", help="judge the charts with the images of this flavor")
    flavor.add_argument("--flavor-file", type=Path, metavar="FILE", help="the same, with a flavor of your own")
    group.add_argument(
        "--overrides",
        action="append",
        default=[],
        type=Path,
        metavar="DIR|FILE",
        help="values overrides to judge that do not lie with the chart: DIR/<chart>/*.yaml; may be repeated",
    )
    group.add_argument("--convention", metavar="NAME|FILE", help="how the charts are laid out; recognised without it")
    group.add_argument("--catalog", type=Path, metavar="FILE", help="what the charts need; catalog.yaml beside a chart")
    group.add_argument(
        "--renderer", choices=("sdk", "helm"), help="what renders: helm-python-sdk if installed, else helm"
    )
    group.add_argument(
        "--helm-program",
        type=Path,
        metavar="FILE",
        default=os.environ.get("OSH_CONFORMANCE_HELM"),
        help="the helm program (OSH_CONFORMANCE_HELM; found on PATH without it)",
    )
    group.add_argument("--no-cache", action="store_true", help="render everything again, and keep nothing")
    settings.add_config(group)


def _add_expectations(group: argparse._ArgumentGroup) -> None:
    settings.add_deviations(group)
    group.add_argument(
        "--write-baseline",
        type=Path,
        metavar="FILE",
        help="expect everything that is found: write FILE for --deviations; one that is there keeps its reasons",
    )


def run(args: argparse.Namespace) -> int:
    """Judge, print, write the files that were asked for; return the exit code."""
    # Here, so that `--help` does not wait for them.
    from osh_conformance.check.engine import StaticSuite  # noqa: PLC0415
    from osh_conformance.config.expectations import Expectations  # noqa: PLC0415
    from osh_conformance.plugin.in_process import run_suite  # noqa: PLC0415
    from osh_conformance.plugin.static import Handover  # noqa: PLC0415
    from osh_conformance.report import json_document, terminal  # noqa: PLC0415
    from osh_conformance.report.result import RunReport  # noqa: PLC0415

    output.check_writable(args)
    wanted = settings.read(args)
    suite = StaticSuite(_request(args, wanted))
    known = _known(args.write_baseline)
    expectations = Expectations((*Expectations.of_files(wanted.deviations).deviations.all, *known))
    found = RunReport(target=_target(args, suite), shard=args.shard)
    _narrow(suite, args, found)
    suite.expect(suite.subjects)  # worker processes start while pytest does
    charts = [f"--charts={path}" for path in args.paths]
    with output.Patience(lambda: _how_far(found)):
        handover = Handover(suite, found, expectations, reported=bool(args.junit))
        code = run_suite(["static"], charts, [handover], junit=args.junit)
    found.interrupted = code == INTERRUPTED
    if args.write_baseline and not found.interrupted:
        _write_baseline(args.write_baseline, found, known)
    found.finish()
    if args.json:
        json_document.write(found, args.json)
    terminal.show(found, sys.stdout)
    return found.exit_code


def _request(args: argparse.Namespace, wanted: Configuration) -> CheckOptions:
    from dataclasses import replace  # noqa: PLC0415

    from osh_conformance.config import configuration  # noqa: PLC0415
    from osh_conformance.loading import definitions, records  # noqa: PLC0415
    from osh_conformance.model.matrix import Flavor  # noqa: PLC0415

    helm = Path(args.helm_program) if args.helm_program else None
    options = settings.repeated(args, _REPEATED)
    if wanted.strict:
        options = (*options, "--strict")
    flavor = records.load(Flavor, args.flavor_file) if args.flavor_file else None
    if args.flavor:
        flavor = definitions.chosen(definitions.flavors(), args.flavor, "flavor")
    request = configuration.static_request(tuple(args.paths), wanted, helm=helm, options=options)
    return replace(request, flavor=flavor, overrides=tuple(args.overrides), cache=not args.no_cache)


def _target(args: argparse.Namespace, suite: StaticSuite) -> dict[str, object]:
    return {
        "verb": "check",
        "paths": [str(path) for path in args.paths],
        "rules": list(suite.rules),
        "since": args.since,
    }


def _narrow(suite: StaticSuite, args: argparse.Namespace, run: RunReport) -> None:
    """Leave out the charts that `--since` and `--shard` do not ask for."""
    from osh_conformance.charts import changed, find  # noqa: PLC0415

    all_of_them = suite.subjects
    limits = []
    if args.since:
        suite.subjects = changed.changed_since(suite.subjects, args.since)
        limits.append(f"changed since {args.since}")
    if args.shard:
        suite.subjects = find.in_shard(suite.subjects, args.shard)
        limits.append(f"in part {args.shard}")
    if limits:
        run.left_out = f"{len(suite.subjects)} of {len(all_of_them)} charts {' and '.join(limits)}"


def _how_far(run: RunReport) -> str:
    judged = len({check.chart for check in run.checks})
    return f"{judged} of {run.charts} charts judged, {len(run.checks)} checks"


def _known(baseline: Path | None) -> tuple[Deviation, ...]:
    """What the baseline that is to be written says already."""
    from osh_conformance.config import deviations  # noqa: PLC0415

    return deviations.read(baseline) if baseline and baseline.is_file() else ()


def _write_baseline(file: Path, run: RunReport, known: tuple[Deviation, ...]) -> None:
    """Expect what was found; what nothing matched any more leaves the file."""
    from osh_conformance.config import deviations  # noqa: PLC0415
    from osh_conformance.errors import UsageError  # noqa: PLC0415
    from osh_conformance.model.finding import Status  # noqa: PLC0415

    stale = {(note.path, note.line) for note in run.notes}
    kept = [entry for entry in known if (entry.file, entry.line) not in stale]
    failing = [finding for finding in run.findings if finding.status is Status.FAIL and finding.rule]
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(deviations.baseline(failing, kept), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {file}: {error.strerror}") from error
    run.accept({finding.id for finding in failing}, f"written to {file}")
    run.notes = [note for note in run.notes if (note.path, note.line) not in {(e.file, e.line) for e in known}]
