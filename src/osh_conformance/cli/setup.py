"""The verb `setup`: provide what a live run needs and this machine lacks."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from osh_conformance.folders import default_folders
from osh_conformance.plan import needs
from osh_conformance.progress import Progress
from osh_conformance.provision import machine, remove
from osh_conformance.provision import tools as setup
from osh_conformance.registry import images

if TYPE_CHECKING:
    import argparse

#: What our own charts run on unless a run names others.
_FLAVOR = "distribution"


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb."""
    parser = subparsers.add_parser(
        "setup",
        help="provide what a live run needs; says time and disk first",
        description="Looks for Docker, kind, helm and a container registry. Where all are there it only fetches "
        "images. What is missing it builds from recipes, as far as this user may; it says what, how long and how much "
        "disk first.",
    )
    parser.add_argument("--recipes", type=Path, metavar="DIR", help="recipes (default: ci/ of this checkout)")
    parser.add_argument("--helm", default="3,4", metavar="MAJORS", help="major versions of helm (default: 3,4)")
    parser.add_argument("--node-image", metavar="REF", help="the node image for kind, instead of its own choice")
    parser.add_argument(
        "--flavor",
        default=_FLAVOR,
        metavar="NAME,...|all",
        help=f"image flavors to have ready (default: {_FLAVOR}; `all` builds for half an hour)",
    )
    parser.add_argument(
        "--runtime", default="", metavar="NAME,...|all", help="container runtimes whose programs are to be built"
    )
    parser.add_argument("--only", metavar="NAME", help="build this recipe, and what it needs, and nothing else")
    undo = parser.add_mutually_exclusive_group()
    undo.add_argument("--stop", action="store_true", help="stop the Docker Engine that setup started; builds stay")
    undo.add_argument(
        "--remove", action="store_true", help="remove all that setup created: Docker Engine, builds, images"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Set up, or remove; 0, or `SuiteError`."""
    started = time.monotonic()
    progress = Progress()
    if args.remove or args.stop:
        undo = remove.remove if args.remove else remove.stop
        for line in undo(default_folders(), progress):
            print(f"{'removed' if args.remove else 'ended'}  {line}")
        return 0
    if args.only:
        _only(args, progress)
    else:
        _all(args, progress)
    progress.say(f"ready after {time.monotonic() - started:.1f} s")
    return 0


def _all(args: argparse.Namespace, progress: Progress) -> None:
    majors = tuple(machine.version_tuple(args.helm))
    tools = setup.provide(
        recipes=args.recipes, helm=majors, node_image=args.node_image, own_node=bool(args.runtime), progress=progress
    )
    for reference, origin in images.provide_images(tools, needs.images(_listed(args.flavor)), progress).items():
        progress.say(f"  ok   image {reference} ({origin})")
    builder = tools.builder(progress)
    if builder:
        builder.provide(needs.recipes(_listed(args.runtime)))
    node = tools.node_image or "the one that kind names"
    helms = ", ".join(f"{major}: {program}" for major, program in tools.helm.items())
    progress.say(f"  ok   Docker {tools.docker.host or 'default'}; kind {tools.kind}; helm {helms}; node image {node}")


def _listed(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _only(args: argparse.Namespace, progress: Progress) -> None:
    builder = setup.open_builder(args.recipes, progress)
    builder.provide([args.only])
    progress.say(f"  ok   {builder.place(args.only)}")
