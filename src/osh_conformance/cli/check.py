"""`osh-conformance check`: check charts without a cluster, and repair them."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from osh_conformance.check import baseline
from osh_conformance.check.engine import StaticEngine
from osh_conformance.cli.arguments import given, reporters_of
from osh_conformance.config import resolve
from osh_conformance.errors import ExitCode, UsageError
from osh_conformance.model.event import RunFinished
from osh_conformance.plugin.direct import check_directly
from osh_conformance.report.base import Listeners
from osh_conformance.report.status_line import StatusLine
from osh_conformance.report.terminal import TerminalReporter

if TYPE_CHECKING:
    import argparse

    from osh_conformance.fix.run import Outcome
    from osh_conformance.report.base import FileReporter
    from osh_conformance.report.result import RunReport


def run(args: argparse.Namespace) -> ExitCode:
    """Check the charts, print the report, write the files that the user asked for; return the exit code."""
    started = time.monotonic()
    reporters = reporters_of(args)
    if args.diff:
        return _show_diff(args, reporters)
    for reporter in reporters:
        reporter.check_writable()
    options = resolve.check_options(given(args))
    engine = StaticEngine(options)
    fixed = _fix(engine) if args.fix else None
    if fixed and fixed.changes:
        engine = StaticEngine(options)  # it reads the charts as they are now
    listeners = Listeners([*reporters, TerminalReporter(sys.stdout)])
    report = listeners.report
    listeners.handle(engine.started())
    engine.expect(engine.targets)  # worker processes start while pytest does
    arguments = [argument for reporter in reporters for argument in reporter.pytest_arguments()]
    with StatusLine(lambda: _progress(report)):
        interrupted = _check_in_pytest(engine, listeners, arguments) if arguments else check_directly(engine, listeners)
    if options.write_baseline and not interrupted:
        event = baseline.write(options.write_baseline, report.findings, report.notes, engine.baseline)
        listeners.handle(event)
    listeners.handle(RunFinished(seconds=time.monotonic() - started, interrupted=interrupted))
    failed = fixed.errors if fixed else ()
    return failed[0].exit_code if failed and report.exit_code in (ExitCode.OK, ExitCode.NOTHING) else report.exit_code


def _fix(engine: StaticEngine) -> Outcome:
    """Repair the charts; say on stderr what was done, so that stdout stays what the outputs need."""
    from osh_conformance.fix import messages  # noqa: PLC0415  (a run without --fix needs no repairs)
    from osh_conformance.fix.run import written  # noqa: PLC0415

    outcome = written(_planned(engine))
    for error in outcome.errors:
        print(f"ERROR {error}", file=sys.stderr)
    for line in messages.lines(outcome, written=True):
        print(line, file=sys.stderr)
    return outcome


def _planned(engine: StaticEngine) -> Outcome:
    from osh_conformance.fix.run import planned  # noqa: PLC0415

    done: list[None] = []
    with StatusLine(lambda: f"repairs planned for {len(done)} of {len(engine.targets)} charts"):
        return planned(engine, lambda: done.append(None))


def _show_diff(args: argparse.Namespace, reporters: list[FileReporter]) -> ExitCode:
    """Print the diff of what --fix would change; return VIOLATED if there is any."""
    from osh_conformance.fix import diff, messages  # noqa: PLC0415

    for option in (*(reporter.option for reporter in reporters), *(["write-baseline"] if args.write_baseline else [])):
        raise UsageError(f"--diff and --{option}", expected="--diff alone: it prints a diff, and reports no findings")
    outcome = _planned(StaticEngine(resolve.check_options(given(args))))
    sys.stdout.flush()
    text = diff.unified(outcome.changes)
    if sys.stdout.isatty():
        sys.stdout.write(diff.for_terminal(text))
    else:
        sys.stdout.buffer.write(text)
    sys.stdout.flush()
    for error in (*outcome.unchecked, *outcome.errors):
        print(f"ERROR {error}", file=sys.stderr)
    for line in messages.lines(outcome, written=False):
        print(line, file=sys.stderr)
    unknown = ExitCode.BROKEN if outcome.unchecked or outcome.errors else ExitCode.OK
    return ExitCode.VIOLATED if outcome.changes else unknown


def _check_in_pytest(engine: StaticEngine, listeners: Listeners, arguments: list[str]) -> bool:
    """Run the suite, for a file that pytest writes itself; return whether the user interrupted it."""
    # Other runs need no pytest: importing it takes longer than all charts do that are in the cache.
    import pytest  # noqa: PLC0415

    from osh_conformance.plugin.in_process import run_suites  # noqa: PLC0415
    from osh_conformance.plugin.static import StaticPlugin  # noqa: PLC0415

    return run_suites(["static"], [StaticPlugin(engine, listeners)], arguments) is pytest.ExitCode.INTERRUPTED


def _progress(report: RunReport) -> str:
    charts = len({check.chart for check in report.checks})
    return f"{charts} of {report.charts} charts, {len(report.checks)} checks"
