"""RENDER-1: every template renders with some values."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from osh_conformance.model.finding import Location, Verdict
from osh_conformance.model.rule import Rule
from osh_conformance.rules.registry import static_rule

if TYPE_CHECKING:
    from collections.abc import Mapping

    from osh_conformance.model.chart import RenderedChart, UnrenderedTemplate

RULE = Rule(
    id="RENDER-1",
    title="every template renders with the values that the suite tries",
    source="the suite's own: no verdict about what it has not seen",
    why="no other rule has seen what this template makes, so nothing is known about its containers",
    fix="check the chart once more with --values FILE, a file with the values that this template needs",
    blind=(
        "parts of a template that never rendered while another part did; templates that only refuse values; what "
        "renders only with another release, cluster or value than the suite tries"
    ),
    before='# a template of the chart is inside of {{ if eq .Values.storage "claim" }}\nstorage: none\n',
    after="# a further check, with --values FILE; the file has\nstorage: claim\n",
)

_VALUE = re.compile(r"(?<!\S)\(*\$?\.Values\.([\w.]+)")


@static_rule(RULE)
def check(chart: RenderedChart) -> Verdict:
    """Check that each template made an object in a rendering, as shipped or with switches on or off: a warning.

    Partials, NOTES.txt, templates with nothing but comments and definitions, and those of dependencies do not count.
    """
    findings = [
        RULE.finding(
            Location(chart=chart.name, path=chart.folder + each.template, line=each.line),
            found=_found(chart, each),
            expected="an object in one of the suite's renderings",
            warning=True,
        )
        for each in chart.never_rendered
    ]
    return Verdict.of(RULE.id, findings)


def _found(chart: RenderedChart, template: UnrenderedTemplate) -> str:
    guard = f"  ({template.guard})" if template.guard else ""
    missing = [path for path in dict.fromkeys(_VALUE.findall(template.guard)) if not _has(chart.effective, path)]
    reasons = [f"the values have no {' and no '.join(missing)}"] if missing else []
    reasons += [f"{path}: {' '.join(error.split())}" for path, error in chart.undecided if path in template.guard]
    return "\n".join([f"it rendered nothing{guard}", *reasons])


def _has(values: Mapping[str, object], path: str) -> bool:
    here: object = values
    for step in path.split("."):
        if not isinstance(here, dict) or step not in here:
            return False
        here = here[step]
    return True
