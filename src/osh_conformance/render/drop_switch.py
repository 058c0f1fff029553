"""Renders a chart with its drop switch on and off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from osh_conformance.charts import conventions
from osh_conformance.charts.values import at, merged
from osh_conformance.errors import SuiteError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from osh_conformance.model.chart import Document
    from osh_conformance.model.convention import Convention
    from osh_conformance.render.memo import RenderedSet, RenderMemo


@dataclass(frozen=True, slots=True, kw_only=True)
class DropRenderings:
    """A chart as shipped, with the drop switch on and off. None without a switch, and for what does not render."""

    on: RenderedSet | None = None
    off: RenderedSet | None = None
    undecided: tuple[tuple[str, str], ...] = ()


def render_drop(
    convention: Convention,
    effective: Mapping[str, Any],
    values: Mapping[str, Any],
    memo: RenderMemo,
    shipped: RenderedSet,
) -> DropRenderings:
    """Render with the drop switch the other way round; one that does not render is in `undecided`."""
    switch = at(effective, convention.db_drop)
    if not isinstance(switch, bool):
        return DropRenderings()
    try:
        other = memo.render(merged(values, conventions.drop_values(convention, enabled=not switch)))
    except SuiteError as error:
        known = {"on" if switch else "off": shipped}
        return DropRenderings(**known, undecided=((convention.db_drop, error.message),))
    return DropRenderings(on=shipped, off=other) if switch else DropRenderings(on=other, off=shipped)


def render_again(
    on: RenderedSet, off: RenderedSet | None, elsewhere: RenderedSet, memo: RenderMemo
) -> tuple[Document, ...]:
    """Render the drop Job again, to see whether its names change; nothing if `elsewhere` shows the same names.

    `elsewhere` is a rendering with other values.
    """
    before = off.texts if off else {}
    drops = {path.partition("/")[2] for path, text in on.texts.items() if before.get(path) != text}
    if _names(on, drops) == _names(elsewhere, drops):
        return ()
    return memo.render(on.values, again=True).documents


def _names(rendered: RenderedSet, templates: Iterable[str]) -> set[tuple[str, str, str]]:
    return {(each.template, each.kind, each.name) for each in rendered.documents if each.template in templates}
