"""What verbs that judge charts are asked for: the command line, and below it the configuration file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

    from osh_conformance.config.configuration import Configuration

_SHARED = ("values", "deviations", "convention", "catalog", "renderer", "strict")


def add_config(group: argparse._ArgumentGroup) -> None:
    """Offer `--config`."""
    group.add_argument("--config", type=Path, metavar="FILE", help="the configuration; found beside or above PATH")


def add_deviations(group: argparse._ArgumentGroup) -> None:
    """Offer `--deviations`."""
    group.add_argument(
        "--deviations",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="findings that are expected, each with its reason; may be repeated",
    )


def read(args: argparse.Namespace) -> Configuration:
    """Return the configuration file's word, and above it the command line's. Raises `UsageError`."""
    from dataclasses import replace  # noqa: PLC0415  (`--help` waits for nothing)

    from osh_conformance.config import configuration  # noqa: PLC0415

    settings = configuration.read(args.config) if args.config else configuration.found_for(args.paths[0])
    given: dict[str, Any] = {name: _plain(getattr(args, name)) for name in _SHARED}
    given["rule"] = tuple(getattr(args, "rule", ()))
    return replace(settings, **{name: value for name, value in given.items() if value not in (None, ())})


def repeated(args: argparse.Namespace, single: Iterable[str]) -> tuple[str, ...]:
    """The words of the command line that a second run needs too: the options `single`, and files that add up."""
    given = [(name, value) for name in ("values", "overrides") for value in getattr(args, name, ())]
    given += [(name, value) for name in single if (value := getattr(args, name))]
    return tuple(word for name, value in given for word in (f"--{name.replace('_', '-')}", str(value)))


def _plain(value: object) -> object:
    if isinstance(value, list):
        return tuple(map(str, value))
    return str(value) if isinstance(value, Path) else value
