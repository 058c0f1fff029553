"""`osh-conformance plan`: print what `live` would run, and what it would leave out. Needs no cluster."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from osh_conformance.cli.arguments import given
from osh_conformance.config import resolve
from osh_conformance.errors import ExitCode
from osh_conformance.plain import plain_lines
from osh_conformance.plan.estimate import estimate
from osh_conformance.plan.plan import LiveSuite
from osh_conformance.progress import Progress
from osh_conformance.report import plan as report

if TYPE_CHECKING:
    import argparse


def run(args: argparse.Namespace) -> ExitCode:
    """Print the plan. The exit code is `BROKEN` for a chart that cannot be read, `NOTHING` where no cell would run."""
    suite = LiveSuite(resolve.live_options(given(args)), progress=Progress())
    plan = estimate(suite)
    print(plain_lines(report.text(plan)))
    for error in suite.errors.values():
        print(plain_lines(f"ERROR {error}"), file=sys.stderr)
    if suite.errors:
        return ExitCode.BROKEN
    # A part of the matrix may be empty.
    return ExitCode.OK if plan.cells or args.shard else ExitCode.NOTHING
