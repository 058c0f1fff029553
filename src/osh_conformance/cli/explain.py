"""`osh-conformance explain`: what a rule demands, where it comes from, and how to keep it."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from osh_conformance.model.rule import Rule


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the verb."""
    parser = subparsers.add_parser(
        "explain", help="say what a rule demands, why, and how to keep it", description=__doc__
    )
    parser.add_argument("rule", nargs="?", metavar="RULE", help="its id; all rules are listed without one")
    parser.add_argument("--markdown", action="store_true", help="print all rules as the document docs/rules.md")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print one rule, or the list."""
    from osh_conformance.errors import UsageError  # noqa: PLC0415  (`--help` waits for nothing)
    from osh_conformance.loading.suggest import did_you_mean  # noqa: PLC0415
    from osh_conformance.report import rules as document  # noqa: PLC0415
    from osh_conformance.rules import registry  # noqa: PLC0415

    rules = registry.all_rules()
    if args.markdown:
        print(document.text(), end="")
        return 0
    if args.rule is None:
        for rule in rules.values():
            print(f"{rule.id:<8} {rule.title}")
        return 0
    name = args.rule.upper()
    if name not in rules:
        raise UsageError(f"no rule `{args.rule}`{did_you_mean(name, rules)}", expected=", ".join(rules))
    print(_explained(rules[name], document.judged(name)))
    return 0


def _explained(rule: Rule, judged: Mapping[str, str]) -> str:
    lines = (
        ("source", f'"{rule.source}"'),
        ("why", rule.why),
        *(judged.items()),
        ("breaks it", rule.example),
        ("keeps it", rule.fix),
    )
    return "\n".join([f"{rule.id}  {rule.title}", *(_wrapped(label, text) for label, text in lines if text)])


def _wrapped(label: str, text: str) -> str:
    return textwrap.fill(text, width=100, initial_indent=f"  {label:<10} ", subsequent_indent=" " * 13)
