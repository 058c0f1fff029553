"""The rules as a document: `docs/rules.md` is this text, and a test holds it so."""

from __future__ import annotations

import inspect
from itertools import groupby
from typing import TYPE_CHECKING

from osh_conformance.rules import registry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from osh_conformance.model.rule import Rule

_HEAD = """\
# Rules

Written by `osh-conformance explain --markdown`; a test holds this file to the code.

*Static* rules judge what a chart renders, without a cluster; *live* rules what an installed release did; *matrix* rules
compare what it did with other images and under other runtimes. A finding fails the chart, but for a *warning*; where
the evidence allows no verdict a rule is *undecided*, and says why.
"""


def text() -> str:
    """Return the document."""
    parts = [_HEAD]
    for family, rules in groupby(registry.all_rules().values(), key=lambda rule: rule.id.partition("-")[0]):
        parts.append(f"## {family}\n")
        parts += ["\n".join(_described(rule)) + "\n" for rule in rules]
    return "\n".join(parts)


def judged(rule: str) -> dict[str, str]:
    """Say how a rule is judged, by side (`static`, `live`, `matrix`): what its function says of itself."""
    sides: dict[str, Mapping[str, Callable[..., object]]] = {
        "static": registry.static_rules(),
        "live": registry.live_rules(),
        "matrix": registry.matrix_rules(),
    }
    return {side: _how(functions[rule], rule) for side, functions in sides.items() if rule in functions}


def _how(function: Callable[..., object], rule: str) -> str:
    said = " ".join((inspect.getdoc(function) or "").split())
    said = said.removeprefix(f"Judge {rule}").lstrip(":.,; ")
    return said[:1].upper() + said[1:]


def _described(rule: Rule) -> Iterator[str]:
    yield f"### {rule.id}: {_plain(rule.title)}\n"
    yield f"> {_plain(rule.source)}\n"
    entries = {"Why": rule.why}
    entries |= {side.capitalize(): how for side, how in judged(rule.id).items()}
    entries |= {"Breaks it": rule.example, "Keeps it": rule.fix}
    for label, said in entries.items():
        if said:
            yield f"- **{label}**: {_plain(said)}"


def _plain(said: str) -> str:
    """Keep `<version>` from being read as HTML, but where it stands in code."""
    parts = said.split("`")
    return "`".join(part if number % 2 else part.replace("<", "&lt;") for number, part in enumerate(parts))
