"""The verb `gc`: remove what dead runs left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.folders import default_folders
from osh_conformance.provision import gc, machine

if TYPE_CHECKING:
    import argparse


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb."""
    parser = subparsers.add_parser(
        "gc",
        help="remove leftovers of runs that were killed",
        description="Removes what runs and builds left that are gone: containers, networks, processes, mounts, "
        "folders; of kept clusters cells, and what faults did to the nodes. Only what carries this suite's label, name "
        "or lock; living runs and kept clusters stay. On a cluster that is not the suite's it touches nothing: it says "
        "which namespaces a killed run left there.",
    )
    parser.add_argument("--kept", action="store_true", help="remove clusters that --keep left, too")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Collect and print; 0 if nothing is left behind, `SuiteError` where something cannot be removed."""
    docker, problem = machine.find_docker()
    report = gc.collect(docker, default_folders(), kept=args.kept)
    if docker is None:
        print(f"no Docker Engine answers ({problem}), so only what lies outside of one was looked at")
    for line in report.removed:
        print(f"removed  {line}")
    for line in report.left:
        print(f"left     {line}")
    if not report.removed:
        print("nothing to remove")
    return 0
