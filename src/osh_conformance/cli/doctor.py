"""The verb `doctor`: what this machine can do, with reasons."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from osh_conformance.provision import doctor

if TYPE_CHECKING:
    import argparse


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb."""
    parser = subparsers.add_parser(
        "doctor",
        help="what this machine can do, with reasons",
        description="Looks at this machine, changes nothing, and says what `setup` would do.",
    )
    parser.add_argument("--recipes", type=Path, metavar="DIR", help="recipes (default: ci/ of this checkout)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print what was seen; 0 if live runs can be had here, 3 if not."""
    diagnosis = doctor.examine(args.recipes)
    width = max(len(line.name) for line in diagnosis.lines)
    for line in diagnosis.lines:
        print(f"{'ok  ' if line.ok else 'no  '} {line.name:<{width}}  {line.result}")
    print()
    print(diagnosis.verdict)
    return 0 if diagnosis.able else 3
