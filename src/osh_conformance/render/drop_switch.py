"""Renders a chart with its drop switch on and off."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from osh_conformance.charts import conventions
from osh_conformance.charts.values import at, merged
from osh_conformance.errors import SuiteError
from osh_conformance.model.chart import AS_UPGRADE
from osh_conformance.render.rewriting import asks_for_clock, asks_for_upgrade, at_another_time, of_an_upgrade

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from osh_conformance.model.chart import Document
    from osh_conformance.model.convention import Convention
    from osh_conformance.render.memo import RenderedSet, RenderMemo


@dataclass(frozen=True, slots=True, kw_only=True)
class DropRenderings:
    """A chart as shipped, with the drop switch on and off. None without a switch, and for what does not render.

    `upgrades`: both as an upgrade, by the names of `Rendering`.
    """

    on: RenderedSet | None = None
    off: RenderedSet | None = None
    undecided: tuple[tuple[str, str], ...] = ()
    upgrades: Mapping[str, RenderedSet] = field(default_factory=dict)


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
        undecided = ((convention.db_drop, error.message),)
        on, off = (shipped, None) if switch else (None, shipped)
        return DropRenderings(on=on, off=off, undecided=undecided)
    return DropRenderings(on=shipped, off=other) if switch else DropRenderings(on=other, off=shipped)


def render_again(
    on: RenderedSet, off: RenderedSet | None, elsewhere: RenderedSet, memo: RenderMemo, templates: Mapping[str, str]
) -> tuple[Document, ...]:
    """Render the drop Job again, to see whether its names change; nothing if `elsewhere` shows the same names.

    `elsewhere` is a rendering with other values. A template that asks for the time is rendered as at another time.
    """
    before = off.texts if off else {}
    drops = {path.partition("/")[2] for path, text in on.texts.items() if before.get(path) != text}
    if asks_for_clock(drops, templates):
        with contextlib.suppress(SuiteError):
            return memo.changed(at_another_time).render(on.values).documents
    if _names(on, drops) == _names(elsewhere, drops):
        return ()
    return memo.render(on.values, again=True).documents


def with_upgrades(drop: DropRenderings, path: str, memo: RenderMemo, templates: Mapping[str, str]) -> DropRenderings:
    """Add the renderings as an upgrade; none where no template asks for that.

    What does not render is in `undecided`, by `path`, the drop switch's, and the words of `AS_UPGRADE`.
    """
    if drop.on is None or drop.off is None or not asks_for_upgrade(templates):
        return drop
    # Helm gives a template the revision 1, also as an upgrade.
    second = memo.changed(of_an_upgrade) if any(".Revision" in text for text in templates.values()) else memo
    try:
        found = {
            name: second.render(rendered.values, upgrade=True)
            for name, rendered in (("upgrade:on", drop.on), ("upgrade:off", drop.off))
        }
    except SuiteError as error:
        return replace(drop, undecided=(*drop.undecided, (f"{path} {AS_UPGRADE}", error.message)))
    return replace(drop, upgrades=found)


def _names(rendered: RenderedSet, templates: Iterable[str]) -> set[tuple[str, str, str]]:
    return {(each.template, each.kind, each.name) for each in rendered.documents if each.template in templates}
