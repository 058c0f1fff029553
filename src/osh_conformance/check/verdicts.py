"""What a worker process sends back for a chart. The main process needs no rule and no renderer to read it."""

from __future__ import annotations

import posixpath
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from osh_conformance.model.finding import Verdict
from osh_conformance.model.result import ChartCoverage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from osh_conformance.model.chart import GivenValues, RenderedChart


def packed(chart: bytes, verdicts: Mapping[str, Verdict], seen: ChartCoverage) -> bytes:
    """Return an encoded chart with its verdicts and its coverage as bytes, for `unpacked` and `decoded_verdicts`."""
    return msgspec.msgpack.encode((chart, msgspec.msgpack.encode((verdicts, seen))))


def unpacked(result: bytes) -> tuple[bytes, bytes]:
    """Return the rendered chart, and the verdicts on it with its coverage, each as bytes, from what `work` returned."""
    return msgspec.msgpack.decode(result, type=tuple[bytes, bytes])


def decoded_verdicts(data: bytes) -> tuple[Mapping[str, Verdict], ChartCoverage]:
    """Return verdicts by rule id, and the coverage; raises `ValueError`."""
    return msgspec.msgpack.decode(data, type=tuple[dict[str, Verdict], ChartCoverage])


def placed(
    chart: RenderedChart, folder: str, elsewhere: Mapping[str, str], given: tuple[GivenValues, ...]
) -> RenderedChart:
    """Return the chart with what its rendering does not depend on.

    Paths are relative to the working directory, from which `folder` ("" or "x/") leads to the chart. `elsewhere` and
    `given` as `RenderedChart` has them; those of the chart's own files come first.
    """
    overrides = tuple(
        replace(override, path=posixpath.normpath(folder + override.path)) for override in chart.overrides
    )
    own = (replace(each, path=posixpath.normpath(folder + each.path)) for each in chart.given)
    return replace(chart, folder=folder, overrides=overrides, elsewhere=elsewhere, given=(*own, *given))
