"""What a worker process needs to render a chart."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from osh_conformance.model.chart import GivenValues
    from osh_conformance.model.convention import Convention


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A chart to render.

    - files: by path in the chart, with everything that it depends on.
    - folder: what leads from the working directory to the chart: "" or "x/".
    - rendered: the encoded result of a former rendering, None without one.
    - overrides: the values overrides of the chart: path relative to the chart, and content.
    - values: they override the chart's own. `convention`: None means: recognise it.
    - renderer, helm_program: as for `choose`.
    - elsewhere, given: as `RenderedChart` has them.
    - skip: the folders below `charts/` that the run checks as charts of their own.
    - ci: the values of chart-testing, `ci/*-values.yaml`: path relative to the chart, and content.
    - notices: as `RenderedChart` has them, so far.
    - top: for a subchart, `folder` of the chart that brings it.
    """

    name: str
    version: str
    files: Mapping[str, bytes]
    folder: str = ""
    rendered: bytes | None = None
    overrides: tuple[tuple[str, bytes], ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    convention: Convention | None = None
    #: Conventions to recognise beside those that come with the suite.
    others: tuple[Convention, ...] = ()
    renderer: str | None = None
    helm_program: Path | None = None
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    given: tuple[GivenValues, ...] = ()
    skip: tuple[str, ...] = ()
    ci: tuple[tuple[str, bytes], ...] = ()
    notices: tuple[str, ...] = ()
    top: str = ""
