"""Renders a chart whose defaults do not render with the values that chart-testing renders it with."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from osh_conformance.charts.values import merged
from osh_conformance.errors import SuiteError
from osh_conformance.loading.files import decode_text
from osh_conformance.loading.yaml import read_chart_values
from osh_conformance.model.chart import GivenValues

if TYPE_CHECKING:
    from osh_conformance.render.job import Job
    from osh_conformance.render.memo import RenderMemo

#: Where chart-testing looks for values, relative to the chart.
CI_VALUES = "ci/*-values.yaml"
_LONGEST = 200


def with_values_that_render(job: Job, memo: RenderMemo) -> Job:
    """Return the job, with the first of its `ci` values below its own where its own do not render, and a notice.

    Raises `SuiteError` where none renders; it names those that were tried.
    """
    try:
        memo.render(job.values)
    except SuiteError as error:
        return _with_ci_values(job, memo, error)
    return job


def _with_ci_values(job: Job, memo: RenderMemo, error: SuiteError) -> Job:
    tried = []
    for path, data in job.ci:
        try:
            found = read_chart_values(decode_text(data, path), path)
            values = merged(found.content, job.values)
            memo.render(values)
        except SuiteError as problem:
            tried.append(f"{path} ({problem.message.removeprefix(f'{path}: ')[:_LONGEST]})")
            continue
        notice = f"the chart does not render with its defaults: it is checked with {path} ({_short(error)})"
        notices = (notice, *(f"the chart does not render with {each}" for each in tried))
        given = (GivenValues(path=path, lines=found.lines), *job.given)
        return replace(job, values=values, given=given, notices=(*job.notices, *notices))
    if not tried:
        raise error
    raise SuiteError(
        f"{error.message}\nnor with {'; '.join(tried)}",
        expected=error.expected or "defaults that render, or values in ci/ that do",
        fix=error.fix,
        details=error.details,
    )


def _short(error: SuiteError) -> str:
    return " ".join(error.message.split())[:_LONGEST]
