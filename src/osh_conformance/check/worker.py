"""Checks a chart by every rule in the process that renders it, so that no rendered chart has to travel."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

from osh_conformance.check.subcharts import with_subchart
from osh_conformance.check.verdicts import packed, placed
from osh_conformance.errors import SuiteError
from osh_conformance.model.finding import Verdict
from osh_conformance.model.result import ChartCoverage
from osh_conformance.render.renderings import render_chart
from osh_conformance.render.subcharts import subcharts
from osh_conformance.render.unrendered import with_objects
from osh_conformance.render.wire import decode, encode
from osh_conformance.rules import registry

if TYPE_CHECKING:
    from collections.abc import Callable

    from osh_conformance.model.chart import RenderedChart
    from osh_conformance.render.job import Job
    from osh_conformance.render.subcharts import Subchart


def work(job: Job, step: Callable[[], None]) -> bytes:
    """Render a chart and check it by every static rule, in a worker process; see `render_chart` and `unpacked`."""
    chart, data = None, job.rendered
    if data is not None:
        with contextlib.suppress(ValueError):
            chart = decode(data)
    if chart is None or data is None:
        chart = render_chart(job, step)
        data = encode(chart)
    step()
    chart = placed(chart, job.folder, job.elsewhere, job.given)
    verdicts: dict[str, Verdict] = {}
    for rule, function in registry.static_rules().items():
        # A rule that breaks runs again in the main process, which reports how it breaks.
        with contextlib.suppress(Exception):
            verdicts[rule] = function(chart)
    seen = coverage(chart)
    # With the values that render the chart, where those of the job do not.
    rendered = replace(job, values=chart.renderings["shipped"].values, given=chart.given)
    for subchart in subcharts(rendered):
        more, also = _judged(subchart, step)
        verdicts = with_subchart(verdicts, more, subchart.job.name, chart.name)
        seen = _joined(seen, also)
    return packed(data, verdicts, seen)


def coverage(chart: RenderedChart) -> ChartCoverage:
    """Return what the rules have seen of a chart; the engine adds the chart's label and notices."""
    return ChartCoverage(
        chart="",
        containers=len({container.position for container in chart.every_container}),
        templates=len(with_objects(chart.templates)),
        never_rendered=tuple(replace(each, template=chart.folder + each.template) for each in chart.never_rendered),
        notices=chart.notices,
    )


def _joined(some: ChartCoverage, more: ChartCoverage) -> ChartCoverage:
    return replace(
        some,
        containers=some.containers + more.containers,
        templates=some.templates + more.templates,
        never_rendered=(*some.never_rendered, *more.never_rendered),
    )


def _judged(subchart: Subchart, step: Callable[[], None]) -> tuple[dict[str, Verdict], ChartCoverage]:
    """Return the verdicts on a subchart, all undecided if it does not render, and what was seen of it."""
    rules = registry.static_rules()
    try:
        chart = placed(render_chart(subchart.job, step, subchart), subchart.job.folder, {}, subchart.job.given)
    except SuiteError as error:
        reason = f"the subchart {subchart.job.name} is not checked: {error.message}"
        return {rule: Verdict.undecided(rule, reason) for rule in rules}, ChartCoverage(chart="")
    verdicts = {}
    for rule, function in rules.items():
        try:
            verdicts[rule] = function(chart)
        except Exception as error:  # noqa: BLE001  (a rule that breaks must not end the others)
            reason = f"the subchart {subchart.job.name} is not checked: the rule broke: {error!r}"
            verdicts[rule] = Verdict.undecided(rule, reason)
    return verdicts, coverage(chart)
