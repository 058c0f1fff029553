"""`osh-conformance explain`: print a rule, its source, how it is checked, and an example with its fix."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from osh_conformance.errors import ExitCode, UsageError
from osh_conformance.loading.files import read_text
from osh_conformance.loading.search import data_folder
from osh_conformance.loading.suggest import did_you_mean
from osh_conformance.report.pages import rule_pages
from osh_conformance.rules import registry

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from osh_conformance.model.rule import Rule


def run(args: argparse.Namespace) -> ExitCode:
    """Print one rule or the list of all, or write the pages of the rules."""
    rules = registry.all_rules()
    if args.markdown is not None:
        _write(rule_pages.pages(), args.markdown, "--markdown")
    if args.schemas is not None:
        files = {file.name: read_text(file) for file in data_folder("schemas").iterdir()}
        _write(files, args.schemas, "--schemas")
    if args.markdown is not None or args.schemas is not None:
        return ExitCode.OK
    if args.rule is None:
        for rule in rules.values():
            print(f"{rule.id:<8} {rule.title}")
        return ExitCode.OK
    name = args.rule.upper()
    if name not in rules:
        raise UsageError(f"no rule `{args.rule}`{did_you_mean(name, rules)}", expected=", ".join(rules))
    print("\n".join(_explained(rules[name], rule_pages.checks(name))))
    return ExitCode.OK


def _write(pages: Mapping[str, str], folder: Path, option: str) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in pages.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{option} {folder}: {error.strerror}", expected="a folder to write to") from error


def _explained(rule: Rule, checks: Mapping[str, str]) -> Iterator[str]:
    yield f"{rule.id}  {rule.title}"
    parts = (("source", f'"{rule.source}"'), ("why", rule.why), *checks.items(), ("not seen", rule.blind))
    for label, text in (*parts, ("fix", rule.fix)):
        if text:
            yield textwrap.fill(text, width=100, initial_indent=f"  {label:<10} ", subsequent_indent=" " * 13)
    yield "  opt out"
    yield from (f"      {way}" for way in rule_pages.opt_outs(rule.id))
    for label, example in (("before", rule.before), ("after", rule.after)):
        if example:
            yield f"  {label}"
            yield textwrap.indent(example.rstrip(), " " * 6)
