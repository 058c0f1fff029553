"""`osh-conformance gc`: remove what killed runs left behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.errors import ExitCode
from osh_conformance.folders import default_folders
from osh_conformance.provision import gc, machine, runs

if TYPE_CHECKING:
    import argparse


def run(args: argparse.Namespace) -> ExitCode:
    """Remove and print. Raises `SuiteError` for something that cannot be removed, and for a name of no cluster."""
    folders = default_folders()
    for name in filter(None, args.kept):
        runs.kept_as(folders, name)
    docker, problem = machine.find_docker()
    report = gc.collect(docker, folders, kept=frozenset(args.kept))
    if docker is None:
        print(f"no Docker Engine answers ({problem}): searched outside of Docker only")
    for line in report.removed:
        print(f"removed  {line}")
    for line in report.left:
        print(f"left     {line}")
    if not report.removed:
        print("nothing to remove")
    return ExitCode.OK
