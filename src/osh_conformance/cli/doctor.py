"""`osh-conformance doctor`: print what this machine can run, and what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.errors import ExitCode
from osh_conformance.provision import doctor

if TYPE_CHECKING:
    import argparse


def run(args: argparse.Namespace) -> ExitCode:
    """Print the diagnosis. The exit code is `BROKEN` where live runs are impossible."""
    diagnosis = doctor.examine(args.recipes)
    width = max(len(line.name) for line in diagnosis.lines)
    for line in diagnosis.lines:
        print(f"{'ok  ' if line.ok else 'no  '} {line.name:<{width}}  {line.result}")
    print()
    print(diagnosis.verdict)
    return ExitCode.OK if diagnosis.able else ExitCode.BROKEN
