"""VAL-1: values say one thing to every tool."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.model.finding import Location, Verdict
from osh_conformance.model.rule import Rule
from osh_conformance.rules.registry import static_rule

if TYPE_CHECKING:
    from osh_conformance.model.chart import RenderedChart, ValuesOverride, ValuesProblem
    from osh_conformance.model.finding import Finding

RULE = Rule(
    id="VAL-1",
    title="values say one thing: each key once, nothing after the end of the document",
    source="tools disagree about such files: Helm takes the last of two keys, others the first, or refuse the file",
    why="an operator reads one value in the file, and Helm installs another",
    fix="leave one of the two, in one document",
    blind=(
        "files that are no values of the chart, such as those of --values and of subcharts; whether a value "
        "has a type or a name that the chart knows"
    ),
    before="images:\n  api: docker.io/example/api:1.0.1\n  api: docker.io/example/api:1.0.2\n",
    after="images:\n  api: docker.io/example/api:1.0.2\n",
)


@static_rule(RULE)
def check(chart: RenderedChart) -> Verdict:
    """Report each place in a values file that tools read in different ways.

    In values.yaml it is a warning: Helm renders such a chart. In a values override it fails, and so does an override
    that does not parse. It is a warning where placeholders such as `%%%ADDRESS%%%` are the reason.
    """
    findings = [_finding(chart, chart.values_file, problem, warning=True) for problem in chart.values.problems]
    for override in chart.overrides:
        findings += [_finding(chart, override.path, problem) for problem in override.values.problems]
        if override.error:
            findings.append(_unreadable(chart, override))
    return Verdict.of(RULE.id, findings)


def _finding(chart: RenderedChart, path: str, problem: ValuesProblem, *, warning: bool = False) -> Finding:
    return RULE.finding(
        Location(chart=chart.name, path=path, line=problem.line, key=problem.key),
        found=f"{problem.key}: {problem.text}" if problem.key else problem.text,
        expected="each key once, in one document",
        fix=f"leave one of the two lines of {problem.key}" if problem.key else "move what counts into the document",
        warning=warning,
        cause="" if problem.key else problem.text.partition(" in line")[0],
    )


def _unreadable(chart: RenderedChart, override: ValuesOverride) -> Finding:
    found, fix = override.error, "correct the YAML"
    if override.placeholder:
        found = f"{found}; it may once something replaces {override.placeholder}"
        fix = f"quote {override.placeholder}, or move the file out of the overrides"
    return RULE.finding(
        Location(chart=chart.name, path=override.path, line=override.error_line),
        found=found,
        expected="a values file that Helm reads",
        why="an install with this file fails",
        fix=fix,
        warning=bool(override.placeholder),
        cause="unreadable",
    )
