"""`osh-conformance check`: check charts without a cluster."""

from __future__ import annotations

import contextlib
import sys
import time
from typing import TYPE_CHECKING

from osh_conformance.check import baseline
from osh_conformance.check.engine import StaticEngine
from osh_conformance.cli.arguments import given, reporters_of
from osh_conformance.config import resolve
from osh_conformance.model.event import RunFinished
from osh_conformance.plugin.direct import check_directly
from osh_conformance.report.base import Listeners
from osh_conformance.report.check_progress import CheckProgress
from osh_conformance.report.status_line import StatusLine
from osh_conformance.report.terminal import TerminalReporter

if TYPE_CHECKING:
    import argparse

    from osh_conformance.errors import ExitCode


def run(args: argparse.Namespace) -> ExitCode:
    """Check the charts, print the report, write the files that the user asked for; return the exit code."""
    reporters = reporters_of(args)
    for reporter in reporters:
        reporter.check_writable()
    options = resolve.check_options(given(args))
    terminal = TerminalReporter(sys.stdout, statistics=args.statistics, quiet=args.quiet)
    listeners = Listeners([*reporters, terminal])
    arguments = [argument for reporter in reporters for argument in reporter.pytest_arguments()]
    progress = CheckProgress()
    with contextlib.nullcontext() if args.quiet else StatusLine(progress.text):
        engine = StaticEngine(options)
        listeners.handle(engine.started())
        engine.expect(engine.targets)  # worker processes start while pytest does
        progress.begin(listeners.report, len(engine.rules))
        interrupted = _check_in_pytest(engine, listeners, arguments) if arguments else check_directly(engine, listeners)
        progress.end("write the report")
        if options.write_baseline and not interrupted:
            report = listeners.report
            event = baseline.write(options.write_baseline, report.findings, report.notes, engine.baseline)
            listeners.handle(event)
    listeners.handle(RunFinished(seconds=time.monotonic() - args.started, interrupted=interrupted))
    return listeners.report.exit_code


def _check_in_pytest(engine: StaticEngine, listeners: Listeners, arguments: list[str]) -> bool:
    """Run the suite, for a file that pytest writes itself; return whether the user interrupted it."""
    # Other runs need no pytest: importing it takes longer than all charts do that are in the cache.
    import pytest  # noqa: PLC0415

    from osh_conformance.plugin.in_process import run_suites  # noqa: PLC0415
    from osh_conformance.plugin.static import StaticPlugin  # noqa: PLC0415

    return run_suites(["static"], [StaticPlugin(engine, listeners)], arguments) is pytest.ExitCode.INTERRUPTED
