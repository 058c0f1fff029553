"""`osh-conformance doctor`: print what this machine can run, and what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.cli.setup import examined
from osh_conformance.errors import ExitCode
from osh_conformance.folders import default_folders
from osh_conformance.plan import doctor
from osh_conformance.plan import needs as run_needs
from osh_conformance.progress import Progress
from osh_conformance.provision.registries import QUICK

if TYPE_CHECKING:
    import argparse


def run(args: argparse.Namespace) -> ExitCode:
    """Print the diagnosis. The exit code is `BROKEN` where `setup` or a live run would fail."""
    needs, readiness = examined(args, Progress(quiet=True), QUICK)
    diagnosis = doctor.diagnose(readiness, needs.helm, run_needs.runtimes(args.runtime), default_folders())
    width = max(len(line.name) for line in diagnosis.lines)
    for line in diagnosis.lines:
        print(f"{'ok  ' if line.ok else 'no  '} {line.name:<{width}}  {line.result}")
    print()
    print(diagnosis.verdict)
    return ExitCode.OK if diagnosis.able else ExitCode.BROKEN
