"""Makes the renderings of a chart that the rules need, as few as possible, in a worker process."""

from __future__ import annotations

import re
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from osh_conformance.charts import conventions
from osh_conformance.charts.values import at, merged
from osh_conformance.errors import SuiteError
from osh_conformance.loading.yaml import read_chart_values
from osh_conformance.model.chart import (
    OTHER_POLICY,
    PULL_POLICIES,
    Container,
    RenderedChart,
    Rendering,
    Shape,
    Values,
)
from osh_conformance.render.all_on import render_all_on, render_switched
from osh_conformance.render.any_value import set_by_values
from osh_conformance.render.ci_values import with_values_that_render
from osh_conformance.render.declared import with_keys
from osh_conformance.render.drop_switch import DropRenderings, render_again, render_drop, with_upgrades
from osh_conformance.render.engines.choice import choose
from osh_conformance.render.image_maps import set_by_maps
from osh_conformance.render.imported import with_imports
from osh_conformance.render.memo import RenderedSet, RenderMemo
from osh_conformance.render.numbers import in_tags
from osh_conformance.render.override_keys import reach_of, read_override, without_content
from osh_conformance.render.partials import LeanRenderer
from osh_conformance.render.pull_secret import render_pull_secret, with_pull_secret
from osh_conformance.render.subcharts import SubchartRenderer
from osh_conformance.render.unrendered import stuck_toggles, unrendered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from osh_conformance.model.convention import Convention
    from osh_conformance.render.all_on import AllOn
    from osh_conformance.render.declared import Arrival
    from osh_conformance.render.job import Job
    from osh_conformance.render.subcharts import Subchart

    Step = Callable[[], None]
    Position = tuple[str, int, str, str]

_TEMPLATE = re.compile(r"(charts/[^/]+/)*templates/.+")
#: In an action, and not in its comment. Helm itself would give an empty text, and the chart another manifest.
_LOOKS_UP = re.compile(r"\{\{-?(?!-?\s*/\*)[^}]*\bgetHostByName\b")


def render_chart(job: Job, step: Step, subchart: Subchart | None = None) -> RenderedChart:
    """Make every rendering that the rules need; `step` is called before each. `subchart`: the job is that one's.

    Raises `SuiteError` if the chart does not parse, or does not render as shipped.
    """
    values = read_chart_values(_text(job.files.get("values.yaml", b""), "values.yaml"), "values.yaml")
    values, imported = with_imports(values, job.files)
    conventions.check_section(values.content)
    templates = {path: _text(data, path) for path, data in job.files.items() if _TEMPLATE.fullmatch(path)}
    _check_lookups(job, templates)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        renderer = choose(job.renderer, job.helm_program)

        def memo_of(files: Mapping[str, bytes]) -> RenderMemo:
            place = Path(tempfile.mkdtemp(dir=folder))
            if subchart is None:
                return RenderMemo(LeanRenderer(renderer, files, place), folder, step)
            lean = LeanRenderer(renderer, subchart.files_with(files), place)
            return RenderMemo(SubchartRenderer(lean, subchart), folder, step)

        memo = memo_of(job.files)

        try:
            job = with_values_that_render(replace(job, given=imported), memo)
            chart = replace(_render(job, values, templates, memo), given=job.given)
            numbers = in_tags(chart, job.files, job.values, memo, memo_of)
            notices = (*job.notices, *_not_seen(chart))
            return replace(chart, numbers=numbers, notices=notices, overrides=without_content(chart.overrides))
        finally:
            memo.close()


def _not_seen(chart: RenderedChart) -> tuple[str, ...]:
    """Say which switches were not on in any rendering; DROP-1 speaks of the drop switch."""
    paths = [path for path, _ in chart.undecided if not (chart.drop_path and path.startswith(chart.drop_path))]
    if not paths:
        return ()
    return (f"it does not render with these values on, so what they add is not checked: {', '.join(paths)}",)


def _check_lookups(job: Job, templates: Mapping[str, str]) -> None:
    texts = {**templates, "values.yaml": _text(job.files.get("values.yaml", b""), "values.yaml")}
    for path, text in texts.items():
        if "getHostByName" in text and (found := _LOOKS_UP.search(text)):
            line = text.count("\n", 0, found.end()) + 1
            raise SuiteError(
                f"{path}:{line}: getHostByName looks up a name in DNS",
                expected="a chart that renders the same on every machine; nothing was looked up",
                fix="take the address from values",
            )


def _text(data: bytes, where: str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise SuiteError(f"{where}: not UTF-8 (byte {error.start})", expected="UTF-8") from error


def _render(job: Job, values: Values, templates: Mapping[str, str], memo: RenderMemo) -> RenderedChart:
    effective = merged(values.content, job.values)
    shipped = memo.render(job.values)
    chart = RenderedChart(
        name=job.name,
        version=job.version,
        folder="",
        convention=None,
        containers=shipped.containers,
        renderings={"shipped": _rendering("shipped", shipped)},
        values=values,
        effective=effective,
        templates=templates,
    )
    convention = job.convention or conventions.recognise(effective, job.others)
    with_section = convention if convention is not None and convention.images else None
    overrides = tuple(read_override(path, data, with_section) for path, data in job.overrides)
    chart = replace(chart, overrides=overrides)
    if convention is None:
        found = _without_convention(chart, job, memo, shipped)
    elif not convention.images and not convention.db_drop and not convention.toggles:
        found = _with_image_maps(chart, convention, job, memo, shipped)
    else:
        found = _with_convention(chart, convention, job, memo, shipped)
    return replace(found, never_rendered=unrendered(templates, memo.templates))


def _without_convention(chart: RenderedChart, job: Job, memo: RenderMemo, shipped: RenderedSet) -> RenderedChart:
    """Add the renderings with the chart's switches on and off, and which images no value changes."""
    more, undecided = render_switched(chart, job.values, memo)
    sets = {"shipped": shipped, **more}
    found = set_by_values(list(sets.values()), chart.effective, tuple(chart.templates.values()), memo)
    renderings = _switched(sets, found.unchanged)
    return replace(
        chart,
        containers=renderings["shipped"].containers,
        renderings=renderings,
        undecided=undecided,
        images_error=found.reason,
    )


def _switched(sets: Mapping[str, RenderedSet], arrivals: Mapping[Position, Arrival]) -> dict[str, Rendering]:
    return {
        name: replace(_rendering(name, each), containers=with_keys(each.containers, arrivals))
        for name, each in sets.items()
    }


def _with_image_maps(
    chart: RenderedChart, convention: Convention, job: Job, memo: RenderMemo, shipped: RenderedSet
) -> RenderedChart:
    """Add what the image maps of a layout without toggles and drop switch set, with switches on and off."""
    more, undecided = render_switched(chart, job.values, memo)
    sets = {"shipped": shipped, **more}
    found = set_by_maps(list(sets.values()), convention, chart.effective, tuple(chart.templates.values()), memo)
    images = conventions.declared_images(convention, chart.values, chart.effective)
    # A map may hold only a part of a reference, such as a repository without its registry. REF checks what renders.
    images = tuple(replace(each, reference="") if each.shape is Shape.MAP else each for each in images)
    return replace(
        chart,
        convention=convention.name,
        containers=with_keys(chart.containers, found.arrivals),
        renderings=_switched(sets, found.arrivals),
        undecided=undecided,
        images=images,
        by_policy=found.by_policy,
        images_error=found.reason,
    )


def _with_convention(
    chart: RenderedChart, convention: Convention, job: Job, memo: RenderMemo, shipped: RenderedSet
) -> RenderedChart:
    """Add the renderings for which the convention says how values set images, policy, toggles and the drop switch."""
    images = conventions.declared_images(convention, chart.values, chart.effective)
    policy = at(chart.effective, convention.pull_policy)
    drop = render_drop(convention, chart.effective, job.values, memo, shipped)
    values_text = _text(job.files.get("values.yaml", b""), "values.yaml")
    all_on = render_all_on(replace(chart, policy=policy, images=images), convention, job.values, memo, values_text)
    renderings = _all_renderings(shipped, all_on, drop, policy)
    templates = {**chart.templates, "values.yaml": values_text}
    drop = with_upgrades(drop, convention.db_drop, memo, templates)
    renderings |= _of_drop(drop, renderings, all_on, memo, templates)
    if all_on.pull_secret:
        pull_secret = with_pull_secret(all_on.every, renderings)
    else:
        pull_secret = render_pull_secret(convention, chart, all_on.every, memo)
    by_policy = _by_policy(all_on)
    if policy in PULL_POLICIES:
        by_policy[policy] = all_on.keyed(drop.on or shipped)
    reach = reach_of(chart, convention, chart.overrides, all_on, memo)
    return replace(
        chart,
        convention=convention.name,
        containers=all_on.keyed(shipped),
        images=images,
        images_path=convention.images,
        policy=policy,
        policy_path=convention.pull_policy,
        policy_line=chart.values.lines.get(convention.pull_policy),
        by_policy={name: by_policy[name] for name in (*PULL_POLICIES, OTHER_POLICY) if name in by_policy},
        renderings={**renderings, **pull_secret.renderings},
        undecided=(*all_on.undecided, *drop.undecided),
        stuck_toggles=stuck_toggles(convention, chart, job.values, memo),
        functions=conventions.functions(convention, chart.name, tuple(image.key for image in images)),
        drop_path=convention.db_drop,
        drop_line=chart.values.lines.get(convention.db_drop),
        pull_secret_path=conventions.pull_secret_path(convention, chart.name),
        pull_secret_error=pull_secret.error,
        overrides=reach.overrides,
        unused=reach.unused,
    )


def _by_policy(all_on: AllOn) -> dict[str, tuple[Container, ...]]:
    """Return the containers of all renderings with a pull policy, each position once."""
    found: dict[str, tuple[Container, ...]] = {}
    off = [(all_on.sets[0][0], all_on.off)] if all_on.off else []
    for policy, rendered in (*all_on.sets, *all_on.alone, *off):
        found[policy] = _union(found.get(policy, ()), all_on.keyed(rendered))
    return found


def _all_renderings(shipped: RenderedSet, all_on: AllOn, drop: DropRenderings, policy: Any) -> dict[str, Rendering]:
    """Return the renderings by the names that `RenderedChart` lists."""
    found = {"shipped": _rendering("shipped", shipped, all_on)}
    found |= _named_all_on(all_on)
    found |= _dropped(drop, found["shipped"], shipped, all_on)
    if policy in PULL_POLICIES:
        found[f"policy:{policy}"] = found["drop:on" if drop.on else "shipped"]
    return found


def _of_drop(
    drop: DropRenderings,
    known: Mapping[str, Rendering],
    all_on: AllOn,
    memo: RenderMemo,
    templates: Mapping[str, str],
) -> dict[str, Rendering]:
    """Return what else the drop switch shows: as an upgrade, and at another time."""
    found = {name: _rendering(name, rendered, all_on) for name, rendered in drop.upgrades.items()}
    if drop.on is not None and (second := render_again(drop.on, drop.off, all_on.sets[0][1], memo, templates)):
        before = known["drop:on"]
        on = replace(before, second=second)
        found |= {name: on for name, rendering in known.items() if rendering is before}
    return found


def _named_all_on(all_on: AllOn) -> dict[str, Rendering]:
    """Return `all-on`, one rendering a policy, and the others as `apart:1` and so on."""
    (policy, rendered), *others = all_on.sets
    first = _rendering("all-on", rendered, all_on)
    found = {"all-on": first, f"policy:{policy}": first}
    further = []
    for policy, rendered in others:
        if (name := f"policy:{policy}") in found:
            further.append(rendered)
        else:
            found[name] = _rendering(name, rendered, all_on)
    for number, rendered in enumerate((*further, *(rendered for _, rendered in all_on.alone)), start=1):
        found[f"apart:{number}"] = _rendering(f"apart:{number}", rendered, all_on)
    if all_on.off:
        found["off"] = _rendering("off", all_on.off, all_on)
    return found


def _dropped(drop: DropRenderings, as_shipped: Rendering, shipped: RenderedSet, all_on: AllOn) -> dict[str, Rendering]:
    found = {}
    for name, rendered in (("drop:on", drop.on), ("drop:off", drop.off)):
        if rendered is not None:
            found[name] = as_shipped if rendered is shipped else _rendering(name, rendered, all_on)
    return found


def _union(some: tuple[Container, ...], more: Iterable[Container]) -> tuple[Container, ...]:
    """Join containers: each position once, and once more for each other key or policy that it has."""
    known = {(container.position, container.key, container.pull_policy) for container in some}
    return (*some, *(each for each in more if (each.position, each.key, each.pull_policy) not in known))


def _rendering(name: str, rendered: RenderedSet, all_on: AllOn | None = None) -> Rendering:
    containers = rendered.containers if all_on is None else all_on.keyed(rendered)
    return Rendering(name=name, values=rendered.values, documents=rendered.documents, containers=containers)
