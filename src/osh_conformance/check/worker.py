"""Checks a chart by every rule in the process that renders it, so that no rendered chart has to travel."""

from __future__ import annotations

import contextlib
import posixpath
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from osh_conformance.model.finding import Verdict
from osh_conformance.render.renderings import render_chart
from osh_conformance.render.wire import decode, encode
from osh_conformance.rules import registry

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from osh_conformance.model.chart import RenderedChart
    from osh_conformance.render.renderings import Job


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
    chart = placed(chart, job.folder)
    verdicts = {}
    for rule, function in registry.static_rules().items():
        # A rule that breaks runs again in the main process, which reports how it breaks.
        with contextlib.suppress(Exception):
            verdicts[rule] = function(chart)
    return msgspec.msgpack.encode((data, msgspec.msgpack.encode(verdicts)))


def unpacked(result: bytes) -> tuple[bytes, bytes]:
    """Return the rendered chart and the verdicts on it, each as bytes, from what `work` returned."""
    return msgspec.msgpack.decode(result, type=tuple[bytes, bytes])


def decoded_verdicts(data: bytes) -> Mapping[str, Verdict]:
    """Return verdicts by rule id; raises `ValueError`."""
    return msgspec.msgpack.decode(data, type=dict[str, Verdict])


def placed(chart: RenderedChart, folder: str) -> RenderedChart:
    """Return the chart with paths relative to the PATH argument, below which it lies in `folder` ("" or "x/")."""
    overrides = tuple(
        replace(override, path=posixpath.normpath(folder + override.path)) for override in chart.overrides
    )
    return replace(chart, folder=folder, overrides=overrides)
