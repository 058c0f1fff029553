"""TOGGLE-1: every toggle can be switched off."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.model.finding import Location, Verdict
from osh_conformance.model.rule import Rule
from osh_conformance.rules.registry import static_rule

if TYPE_CHECKING:
    from osh_conformance.model.chart import RenderedChart

RULE = Rule(
    id="TOGGLE-1",
    title="every toggle can be switched off",
    source="to be configurable to be enabled or disabled in the values.yaml file for each chart",
    why="an operator who switches it off gets no release at all: the chart does not render",
    fix="let the condition enclose the whole template, from its first line to its last",
    blind=(
        "switches that no convention names; toggles that a template refuses to see off in words of its own; toggles "
        "that only fail together with another one"
    ),
    before="""\
# {{- if .Values.manifests.service_api }}
kind: Service
# {{- end }}
...
""",
    after="""\
# {{- if .Values.manifests.service_api }}
kind: Service
# {{- end }}
""",
)


@static_rule(RULE)
def check(chart: RenderedChart) -> Verdict:
    """Check a rendering with all toggles of the convention off, and each one alone where that does not render.

    A toggle that only fails together with another one is not accused, and neither is one that a template refuses in
    words of its own (`fail`, `required`). Switches that no convention names are not checked.
    """
    if chart.convention is None:
        return Verdict.not_applicable(RULE.id, "no known convention says which values are toggles")
    findings = [
        RULE.finding(
            Location(chart=chart.name, path=chart.values_file, line=chart.values.lines.get(path), key=path),
            found=f"with it off, the chart {_sentence(error)}",
            expected="a chart that renders with it off",
        )
        for path, error in chart.stuck_toggles
    ]
    return Verdict.of(RULE.id, findings)


def _sentence(error: str) -> str:
    text = " ".join(error.split())
    return text if text.startswith("does not render") else f"does not render: {text}"
