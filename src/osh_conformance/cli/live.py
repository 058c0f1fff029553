"""`osh-conformance live`: install charts on a cluster, and check what happens."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from osh_conformance.check.engine import StaticEngine
from osh_conformance.cli.arguments import given
from osh_conformance.cli.outputs import outputs_of
from osh_conformance.config import resolve
from osh_conformance.folders import default_folders
from osh_conformance.model.event import RunFinished, RunStarted
from osh_conformance.plan.plan import LiveSuite
from osh_conformance.plugin.in_process import run_suites
from osh_conformance.plugin.live import LivePlugin
from osh_conformance.plugin.static import StaticPlugin
from osh_conformance.progress import Progress
from osh_conformance.provision import scratch
from osh_conformance.report.base import Listeners

if TYPE_CHECKING:
    import argparse

    from osh_conformance.config.engine_options import LiveOptions
    from osh_conformance.errors import ExitCode


def run(args: argparse.Namespace) -> ExitCode:
    """Run the cells, print the report, write the files that the user asked for; return the exit code."""
    documents, reporters = outputs_of(args)
    options = resolve.live_options(given(args))
    scratch.hold_temporary_files(default_folders().scratch)
    engine = StaticEngine(resolve.static_half(options, given(args)))
    progress = Progress(quiet=args.quiet)
    suite = LiveSuite(options, engine.targets, progress)
    listeners = Listeners(reporters)
    listeners.handle(_started(options, charts=len(engine.targets)))
    plugins = [StaticPlugin(engine, listeners), LivePlugin(suite, listeners, progress, engine.expectations)]
    arguments = [argument for document in documents for argument in document.pytest_arguments()]
    code = run_suites(["static", "live"], plugins, ["-p", "pytest_helm_charts.plugin", *arguments])
    interrupted = code is pytest.ExitCode.INTERRUPTED
    listeners.handle(RunFinished(seconds=time.monotonic() - args.started, interrupted=interrupted))
    return listeners.report.exit_code


def _started(options: LiveOptions, charts: int) -> RunStarted:
    target = {
        "verb": "live",
        "paths": [str(path) for path in options.paths],
        "catalog": str(options.catalog) if options.catalog else None,
        "matrix": options.matrix_mode,
        "flavor": list(options.flavors),
        "format": list(options.packaging_formats),
        "runtime": list(options.runtimes),
        "scenario": list(options.scenarios),
        "reduced": options.reduced,
    }
    return RunStarted(
        target=target,
        charts=charts,
        shard=options.shard,
        helm=",".join(map(str, options.helm_majors)),
        rule_pages=options.rule_pages,
    )
