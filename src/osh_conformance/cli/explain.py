"""`osh-conformance explain`: print a rule, its source and reason, and how to fix a finding."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from osh_conformance.errors import ExitCode, UsageError
from osh_conformance.loading.suggest import did_you_mean
from osh_conformance.report import rules as document
from osh_conformance.rules import catalogue

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from osh_conformance.model.finding import Rule


def run(args: argparse.Namespace) -> ExitCode:
    """Print one rule, or the list of all rules."""
    rules = catalogue.all_rules()
    if args.markdown:
        print(document.text(), end="")
        return ExitCode.OK
    if args.rule is None:
        for rule in rules.values():
            print(f"{rule.id:<8} {rule.title}")
        return ExitCode.OK
    name = args.rule.upper()
    if name not in rules:
        raise UsageError(f"no rule `{args.rule}`{did_you_mean(name, rules)}", expected=", ".join(rules))
    print(_text(rules[name], document.judged(name)))
    return ExitCode.OK


def _text(rule: Rule, sides: Mapping[str, str]) -> str:
    lines = (
        ("source", f'"{rule.source}"'),
        ("why", rule.why),
        *(sides.items()),
        ("breaks it", rule.example),
        ("keeps it", rule.fix),
    )
    return "\n".join([f"{rule.id}  {rule.title}", *(_wrapped(label, text) for label, text in lines if text)])


def _wrapped(label: str, text: str) -> str:
    return textwrap.fill(text, width=100, initial_indent=f"  {label:<10} ", subsequent_indent=" " * 13)
