"""`osh-conformance explain`: what a rule demands, its source, how it is checked, and an example with its fix."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping

    from osh_conformance.model.rule import Rule


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the verb."""
    parser = subparsers.add_parser(
        "explain", help="say what a rule demands, why, and how to keep it", description=__doc__
    )
    parser.add_argument("rule", nargs="?", metavar="RULE", help="the id of a rule; all rules are listed without it")
    parser.add_argument("--markdown", metavar="DIR", type=Path, help="write a page for each rule to DIR, and an index")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print one rule or the list of all, or write the pages."""
    from osh_conformance.errors import UsageError  # noqa: PLC0415  (`--help` waits for nothing)
    from osh_conformance.loading.suggest import did_you_mean  # noqa: PLC0415
    from osh_conformance.report import rule_pages  # noqa: PLC0415
    from osh_conformance.rules import registry  # noqa: PLC0415

    rules = registry.all_rules()
    if args.markdown is not None:
        _write(rule_pages.pages(), args.markdown)
        return 0
    if args.rule is None:
        for rule in rules.values():
            print(f"{rule.id:<8} {rule.title}")
        return 0
    name = args.rule.upper()
    if name not in rules:
        raise UsageError(f"no rule `{args.rule}`{did_you_mean(name, rules)}", expected=", ".join(rules))
    print("\n".join(_explained(rules[name], rule_pages.checks(name))))
    return 0


def _write(pages: Mapping[str, str], folder: Path) -> None:
    from osh_conformance.errors import UsageError  # noqa: PLC0415

    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in pages.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--markdown {folder}: {error.strerror}", expected="a folder to write to") from error


def _explained(rule: Rule, checks: Mapping[str, str]) -> Iterator[str]:
    yield f"{rule.id}  {rule.title}"
    for label, text in (("source", f'"{rule.source}"'), ("why", rule.why), *checks.items(), ("fix", rule.fix)):
        if text:
            yield textwrap.fill(text, width=100, initial_indent=f"  {label:<10} ", subsequent_indent=" " * 13)
    for label, example in (("before", rule.before), ("after", rule.after)):
        if example:
            yield f"  {label}"
            yield textwrap.indent(example.rstrip(), " " * 6)
