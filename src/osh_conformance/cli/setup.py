"""`osh-conformance setup`: provide what a live run needs and this machine lacks."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from osh_conformance.errors import ExitCode
from osh_conformance.folders import default_folders
from osh_conformance.plan import needs
from osh_conformance.progress import Progress
from osh_conformance.provision import machine, remove
from osh_conformance.provision import tools as setup
from osh_conformance.registry import images

if TYPE_CHECKING:
    import argparse


def run(args: argparse.Namespace) -> ExitCode:
    """Provide everything, or remove it. Raises `SuiteError`."""
    started = time.monotonic()
    progress = Progress()
    if args.remove:
        result = remove.remove(default_folders(), progress)
        for line in result.removed:
            print(f"removed  {line}")
        for line in result.left:
            print(f"left     {line}")
        return ExitCode.OK
    if args.stop:
        for line in remove.stop(default_folders(), progress):
            print(f"stopped  {line}")
        return ExitCode.OK
    if args.only:
        _only(args, progress)
    else:
        _all(args, progress)
    progress.say(f"ready after {time.monotonic() - started:.1f} s")
    return ExitCode.OK


def _all(args: argparse.Namespace, progress: Progress) -> None:
    majors = tuple(machine.version_tuple(args.helm))
    tools = setup.provide(
        recipes=args.recipes, helm=majors, node_image=args.node_image, own_node=bool(args.runtime), progress=progress
    )
    for reference, origin in images.provide_images(tools, needs.images(args.flavor), progress).items():
        progress.say(f"  ok   image {reference} ({origin})")
    builder = tools.builder(progress)
    if builder:
        builder.provide(needs.recipes(args.runtime))
    node = tools.node_image or "the default of kind"
    helms = ", ".join(f"{major}: {program}" for major, program in tools.helm.items())
    progress.say(f"  ok   Docker {tools.docker.host or 'default'}; kind {tools.kind}; helm {helms}; node image {node}")


def _only(args: argparse.Namespace, progress: Progress) -> None:
    builder = setup.open_builder(args.recipes, progress)
    builder.provide([args.only])
    progress.say(f"  ok   {builder.place(args.only)}")
