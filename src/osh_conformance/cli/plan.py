"""`osh-conformance plan`: what `live` would run, and what it would leave out. Touches no cluster."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from osh_conformance.config import settings, wishes
from osh_conformance.errors import SuiteError

if TYPE_CHECKING:
    import argparse

_NOTHING = 5
_DESCRIPTION = """
Takes what `osh-conformance live` takes, and runs nothing: the cells, why others are left out, the images that would
have to be built or pulled first, and how long it will take by what past runs took on this machine.
"""
_EXAMPLES = """
examples:
  osh-conformance plan charts-under-test/keystone --flavor all --runtime all --helm 3,4
  osh-conformance plan charts-under-test/keystone --flavor all --format all --matrix pairwise
"""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the verb."""
    import argparse  # noqa: PLC0415

    parser = subparsers.add_parser(
        "plan",
        help="what live would run, why cells are left out, how long it will take",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    wishes.add_options(parser)
    parser.set_defaults(run=run, deviations=[], strict=None)


def run(args: argparse.Namespace) -> int:
    """Print the plan; 0, or 3 where a chart cannot be read, or 5 where nothing would be run."""
    # Here, so that `--help` does not wait for them.
    from osh_conformance.plan import estimate  # noqa: PLC0415
    from osh_conformance.plan.plan import LiveSuite  # noqa: PLC0415
    from osh_conformance.report import plan as report  # noqa: PLC0415

    suite = LiveSuite(wishes.live_request(args, settings.read(args)))
    made = estimate.of(suite)
    print(report.text(made))
    for error in suite.errors.values():
        print(f"ERROR {error}", file=sys.stderr)
    if suite.errors:
        return SuiteError.exit_code
    # A part of the matrix may be empty.
    return 0 if made.cells or args.shard else _NOTHING
