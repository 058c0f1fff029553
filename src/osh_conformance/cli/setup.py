"""`osh-conformance setup`: provide what a live run needs and this machine lacks."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from osh_conformance.errors import ExitCode, SuiteError
from osh_conformance.folders import default_folders
from osh_conformance.plan import needs as run_needs
from osh_conformance.plan.readiness import examine
from osh_conformance.progress import Progress
from osh_conformance.provision import machine, remove
from osh_conformance.provision import tools as setup
from osh_conformance.provision.build import free_bytes, gib
from osh_conformance.provision.registries import PATIENT
from osh_conformance.provision.tools import RunNeeds
from osh_conformance.registry import images
from osh_conformance.registry.supply import Source

if TYPE_CHECKING:
    import argparse

    from osh_conformance.plan.readiness import Readiness


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


def examined(args: argparse.Namespace, progress: Progress, patience: float = PATIENT) -> tuple[RunNeeds, Readiness]:
    """Return what a run with these options needs, and the state of this machine for it.

    `patience`: seconds to wait for a registry.
    """
    needs = RunNeeds(helm=machine.version_tuple(args.helm), node_image=args.node_image, own_node=bool(args.runtime))
    readiness = examine(
        needs,
        run_needs.images(args.flavor, args.service),
        default_folders(),
        progress,
        recipes=args.recipes,
        programs=run_needs.recipes(args.runtime),
        patience=patience,
    )
    return needs, readiness


def _all(args: argparse.Namespace, progress: Progress) -> None:
    needs, readiness = examined(args, progress)
    if readiness.problems:
        raise SuiteError("this machine cannot be set up for a live run", details="\n".join(readiness.problems))
    _announce(readiness, progress)
    tools = setup.provide(readiness.machine, readiness.builder, readiness.setup, needs)
    references = [image.reference for image in readiness.images]
    for reference, origin in images.provide_images(tools, references, progress).items():
        progress.say(f"  ok   image {reference} ({origin})")
    builder = tools.builder(progress)
    if builder:
        builder.provide(run_needs.recipes(args.runtime))
    node = tools.node_image or "the default of kind"
    helms = ", ".join(f"{major}: {program}" for major, program in tools.helm.items())
    progress.say(f"  ok   Docker {tools.docker.address}; kind {tools.kind}; helm {helms}; node image {node}")


def _announce(readiness: Readiness, progress: Progress) -> None:
    """Print what will be built, how long that takes and how much disk space it needs."""
    if not readiness.recipes or readiness.builder is None:
        return
    builder, computer = readiness.builder, readiness.machine
    progress.say("This machine lacks some of what a live run needs:")
    if computer.docker is None:
        progress.say(f"  - a Docker Engine ({computer.docker_problem})")
    for image in readiness.images:
        if image.source in {Source.BUILD, Source.STAND_IN, Source.GONE}:
            progress.say(f"  - the image {image.reference} ({image.source.value})")
    progress.say(f"`setup` builds these from package registries and the recipes in {builder.recipes.root}:")
    progress.say(f"  {', '.join(recipe.name for recipe in readiness.recipes)}")
    progress.say(f"  about {readiness.minutes:g} minutes on two cores; `osh-conformance setup --remove` removes them")
    free = gib(free_bytes(builder.folders.cache))
    size = gib(readiness.mebibytes * 2**20)
    progress.say(f"  {size} of disk space below {builder.folders.cache} ({free} free)")


def _only(args: argparse.Namespace, progress: Progress) -> None:
    builder = setup.open_builder(args.recipes, progress)
    builder.provide([args.only])
    progress.say(f"  ok   {builder.place(args.only)}")
