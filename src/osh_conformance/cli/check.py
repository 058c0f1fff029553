"""`osh-conformance check`: check charts without a cluster, and repair them."""

from __future__ import annotations

import contextlib
import sys
import time
from typing import TYPE_CHECKING

from osh_conformance.check import baseline
from osh_conformance.check.engine import StaticEngine
from osh_conformance.cli.arguments import given, reporters_of
from osh_conformance.cli.endings import tell
from osh_conformance.cli.outputs import check_baseline, outputs_of
from osh_conformance.config import resolve
from osh_conformance.errors import ExitCode, UsageError
from osh_conformance.model.event import RunFinished
from osh_conformance.plain import plain
from osh_conformance.plugin.direct import check_directly
from osh_conformance.report.base import Listeners
from osh_conformance.report.check_progress import CheckProgress
from osh_conformance.report.status_line import StatusLine

if TYPE_CHECKING:
    import argparse

    from osh_conformance.fix.run import Outcome


def run(args: argparse.Namespace) -> ExitCode:
    """Check the charts, print the report, write the files that the user asked for; return the exit code."""
    if args.diff:
        return _show_diff(args)
    documents, reporters = outputs_of(args)
    options = resolve.check_options(given(args))
    if options.write_baseline:
        check_baseline(options.write_baseline, documents)
    fixed = _fix(StaticEngine(options)) if args.fix else None
    listeners = Listeners(reporters)
    report = listeners.report
    arguments = [argument for document in documents for argument in document.pytest_arguments()]
    progress = CheckProgress()
    remarks: list[str] = []
    with contextlib.nullcontext() if args.quiet else StatusLine(progress.text):
        engine = StaticEngine(options)
        remarks += (f"note  {remark}" for remark in engine.remarks)
        listeners.handle(engine.started())
        engine.expect(engine.targets)  # worker processes start while pytest does
        progress.begin(report, len(engine.rules))
        interrupted = _check_in_pytest(engine, listeners, arguments) if arguments else check_directly(engine, listeners)
        progress.end("write the report")
        if options.write_baseline and interrupted:
            remarks.append(f"{options.write_baseline} is not written: the run was interrupted")
        elif options.write_baseline:
            unneeded = engine.unneeded(report.checks)
            written = baseline.write(options.write_baseline, report.checks, unneeded, engine.baseline)
            listeners.handle(written.accepted)
            remarks.append(str(written))
    listeners.handle(RunFinished(seconds=time.monotonic() - args.started, interrupted=interrupted))
    for remark in remarks:
        print(plain(remark), file=sys.stderr)
    failed = fixed.errors if fixed else ()
    return failed[0].exit_code if failed and report.exit_code in (ExitCode.OK, ExitCode.NOTHING) else report.exit_code


def _fix(engine: StaticEngine) -> Outcome:
    """Repair the charts; say on stderr what was done, so that stdout stays what the outputs need."""
    from osh_conformance.fix import messages  # noqa: PLC0415  (a run without --fix needs no repairs)
    from osh_conformance.fix.run import written  # noqa: PLC0415

    outcome = written(_planned(engine))
    for error in outcome.errors:
        tell(error)
    for line in messages.lines(outcome, written=True):
        print(line, file=sys.stderr)
    return outcome


def _planned(engine: StaticEngine) -> Outcome:
    from osh_conformance.fix.run import planned  # noqa: PLC0415

    done: list[None] = []
    with StatusLine(lambda: f"repairs planned for {len(done)} of {len(engine.targets)} charts"):
        return planned(engine, lambda: done.append(None))


def _show_diff(args: argparse.Namespace) -> ExitCode:
    """Print the diff of what --fix would change; return VIOLATED if there is any."""
    from osh_conformance.fix import diff, messages  # noqa: PLC0415

    others = [reporter.option for reporter in reporters_of(args)]
    others += [name for name in ("output-format", "write-baseline") if getattr(args, name.replace("-", "_"))]
    for option in others:
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
        tell(error)
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
