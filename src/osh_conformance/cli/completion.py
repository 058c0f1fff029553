"""`osh-conformance completion`: print a script with which a shell completes verbs, options and their values."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import shtab

from osh_conformance import cli
from osh_conformance.charts import conventions
from osh_conformance.cli.verbs import VERBS
from osh_conformance.errors import ExitCode
from osh_conformance.loading import definitions
from osh_conformance.model.scenario import ScenarioGroup
from osh_conformance.report.base import registered
from osh_conformance.rules import registry

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def run(args: argparse.Namespace) -> ExitCode:
    """Print the script for one shell."""
    print(shtab.complete(completed_parser(), args.shell))
    return ExitCode.OK


def completed_parser() -> argparse.ArgumentParser:
    """Return the parser of all verbs, in which each argument says how a shell completes its value."""
    parser = cli.build_parser(every=True)
    values = _values()
    for name, verb in _verbs(parser).items():
        verb.description = VERBS[name].help  # shells show it beside the verb: one line
        for action in verb._actions:  # noqa: SLF001  (argparse has no other way to them)
            if not action.choices:
                _complete(action, values)
    return parser


def _verbs(parser: argparse.ArgumentParser) -> Mapping[str, argparse.ArgumentParser]:
    (found,) = (each for each in parser._actions if isinstance(each, argparse._SubParsersAction))  # noqa: SLF001
    verbs: Mapping[str, argparse.ArgumentParser] = found.choices
    return verbs


def _complete(action: argparse.Action, values: Mapping[str, Sequence[str]]) -> None:
    """Say how the value of an argument is completed: by the names that it takes, or as a path."""
    if action.dest in values and action.nargs != 0:
        action.choices = list(values[action.dest])
    elif action.metavar == "DIR":
        action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
    elif action.metavar in _PATHS:
        action.complete = shtab.FILE  # type: ignore[attr-defined]


_PATHS = ("FILE", "PATH", "DIR|FILE")


def _values() -> Mapping[str, Sequence[str]]:
    """Return the names that arguments take, by the attributes in which argparse keeps them. Each list has its order."""
    rules = registry.all_rules()
    families = sorted({rule.family for rule in rules.values()})
    chosen = [*families, *sorted(rules)]
    scenarios = definitions.scenarios(rules)
    return {
        "select": chosen,
        "extend_select": chosen,
        "ignore": chosen,
        "output_format": ["full", "concise", *registered()],
        "rule": sorted(rules),
        "flavor": [*sorted(definitions.flavors()), definitions.ALL],
        "format": [*sorted(definitions.formats()), definitions.ALL],
        "runtime": [*sorted(definitions.runtimes()), definitions.ALL],
        "scenario": [*ScenarioGroup, *sorted(scenarios), definitions.ALL],
        "convention": sorted(conventions.shipped()),
        "matrix": ["full", "pairwise", "single"],
        "helm": ["3", "4", "3,4"],
    }
