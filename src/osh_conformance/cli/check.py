"""`osh-conformance check`: check charts without a cluster."""

from __future__ import annotations

import contextlib
import sys
import time
from typing import TYPE_CHECKING

from osh_conformance.check import baseline
from osh_conformance.check.engine import StaticEngine
from osh_conformance.cli.arguments import given
from osh_conformance.cli.outputs import outputs_of
from osh_conformance.config import resolve
from osh_conformance.loading.files import ensure_folder
from osh_conformance.model.event import RunFinished
from osh_conformance.plain import plain
from osh_conformance.plugin.direct import check_directly
from osh_conformance.report.base import Listeners
from osh_conformance.report.check_progress import CheckProgress
from osh_conformance.report.status_line import StatusLine

if TYPE_CHECKING:
    import argparse

    from osh_conformance.errors import ExitCode


def run(args: argparse.Namespace) -> ExitCode:
    """Check the charts, print the report, write the files that the user asked for; return the exit code."""
    documents, reporters = outputs_of(args)
    options = resolve.check_options(given(args))
    if options.write_baseline and ensure_folder(options.write_baseline):
        print(f"created the folder {options.write_baseline.parent}", file=sys.stderr)
    listeners = Listeners(reporters)
    report = listeners.report
    arguments = [argument for document in documents for argument in document.pytest_arguments()]
    progress = CheckProgress()
    remark = ""
    with contextlib.nullcontext() if args.quiet else StatusLine(progress.text):
        engine = StaticEngine(options)
        listeners.handle(engine.started())
        engine.expect(engine.targets)  # worker processes start while pytest does
        progress.begin(report, len(engine.rules))
        interrupted = _check_in_pytest(engine, listeners, arguments) if arguments else check_directly(engine, listeners)
        progress.end("write the report")
        if options.write_baseline and interrupted:
            remark = f"{options.write_baseline} is not written: the run was interrupted"
        elif options.write_baseline:
            unneeded = engine.unneeded(report.checks)
            written = baseline.write(options.write_baseline, report.checks, unneeded, engine.baseline)
            listeners.handle(written.accepted)
            remark = str(written)
    listeners.handle(RunFinished(seconds=time.monotonic() - args.started, interrupted=interrupted))
    for text in (*(f"note  {each}" for each in engine.remarks), remark):
        if text:
            print(plain(text), file=sys.stderr)
    return report.exit_code


def _check_in_pytest(engine: StaticEngine, listeners: Listeners, arguments: list[str]) -> bool:
    """Run the suite, for a file that pytest writes itself; return whether the user interrupted it."""
    # Other runs need no pytest: importing it takes longer than all charts do that are in the cache.
    import pytest  # noqa: PLC0415

    from osh_conformance.plugin.in_process import run_suites  # noqa: PLC0415
    from osh_conformance.plugin.static import StaticPlugin  # noqa: PLC0415

    return run_suites(["static"], [StaticPlugin(engine, listeners)], arguments) is pytest.ExitCode.INTERRUPTED
