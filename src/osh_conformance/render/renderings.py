"""Makes the renderings of a chart that the rules need, as few as possible, in a worker process."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from osh_conformance.charts import conventions
from osh_conformance.charts.files import packed
from osh_conformance.charts.values import at, merged
from osh_conformance.errors import SuiteError
from osh_conformance.loading.yaml import read_values
from osh_conformance.model.chart import (
    PULL_POLICIES,
    Container,
    DeclaredImage,
    RenderedChart,
    Rendering,
    Values,
    ValuesOverride,
)
from osh_conformance.render.all_toggles import AllToggles
from osh_conformance.render.declared import key_by_container, sentinels, with_keys
from osh_conformance.render.drop_switch import DropRenderings, render_again, render_drop
from osh_conformance.render.engines.choice import choose
from osh_conformance.render.memo import RenderedSet, RenderMemo
from osh_conformance.render.pull_policies import is_passed_on, policies_to_render
from osh_conformance.render.pull_secret import render_pull_secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from osh_conformance.model.convention import Convention

    Step = Callable[[], None]
    Position = tuple[str, int, str, str]

_TEMPLATE = re.compile(r"(charts/[^/]+/)*templates/.+")
#: In an action, and not in its comment. Helm itself would give an empty text, and the chart another manifest.
_LOOKS_UP = re.compile(r"\{\{-?(?!-?\s*/\*)[^}]*\bgetHostByName\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A chart to render.

    - files: by path in the chart, with everything that it depends on.
    - folder: where the chart lies below the PATH argument: "" or "x/".
    - rendered: the encoded result of a former rendering, None without one.
    - overrides: the values overrides of the chart: path relative to the chart, and content.
    - values: they override the chart's own. `convention`: None means: recognise it.
    - renderer, helm_program: as for `choose`.
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


def render_chart(job: Job, step: Step) -> RenderedChart:
    """Make every rendering that the rules need; `step` is called before each.

    Raises `SuiteError` if the chart does not parse, or does not render as shipped.
    """
    values = read_values(_text(job.files.get("values.yaml", b""), "values.yaml"), "values.yaml")
    conventions.check_section(values.content)
    templates = {path: _text(data, path) for path, data in job.files.items() if _TEMPLATE.fullmatch(path)}
    _check_lookups(job, templates)
    with tempfile.TemporaryDirectory() as scratch:
        # Not the chart's name: it was checked by what Helm allows in a name, not by what a file system does.
        archive = Path(scratch) / "chart.tgz"
        archive.write_bytes(packed(job.files, "chart"))
        memo = RenderMemo(choose(job.renderer, job.helm_program), archive, step)
        try:
            return _render(job, values, templates, memo)
        finally:
            memo.close()


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
    if convention is None:
        return chart
    return _with_convention(chart, convention, job, memo, shipped)


def _with_convention(
    chart: RenderedChart, convention: Convention, job: Job, memo: RenderMemo, shipped: RenderedSet
) -> RenderedChart:
    """Add the renderings for which the convention says how values set images, policy, toggles and the drop switch."""
    images = conventions.declared_images(convention, chart.values, chart.effective)
    policy = at(chart.effective, convention.pull_policy)
    drop = render_drop(convention, chart.effective, job.values, memo, shipped)
    all_on = _render_all_on(chart, convention, job, memo, policy)
    pull_secret = render_pull_secret(convention, chart, all_on.every, memo)
    by_policy = _by_policy(all_on)
    if policy in PULL_POLICIES:
        by_policy[policy] = with_keys((drop.on or shipped).containers, all_on.keys)
    return replace(
        chart,
        convention=convention.name,
        containers=with_keys(chart.containers, all_on.keys),
        images=images,
        images_path=convention.images,
        policy=policy,
        policy_path=convention.pull_policy,
        policy_line=chart.values.lines.get(convention.pull_policy),
        by_policy={name: by_policy[name] for name in PULL_POLICIES if name in by_policy},
        renderings={**_all_renderings(shipped, all_on, drop, memo, policy), **pull_secret.renderings},
        undecided=(*all_on.undecided, *drop.undecided),
        functions=conventions.functions(convention, chart.name, tuple(image.key for image in images)),
        drop_path=convention.db_drop,
        drop_line=chart.values.lines.get(convention.db_drop),
        pull_secret_path=conventions.pull_secret_path(convention, chart.name),
        pull_secret_error=pull_secret.error,
        overrides=tuple(_override(path, data, convention) for path, data in job.overrides),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _AllOn:
    """The renderings with toggles on and a distinct reference for every image key.

    - count: how many of `sets` differ in their toggles; these come first.
    - sets: pull policy and rendering, the first one with all toggles that can be on together.
    - alone: policy and rendering of each toggle that renders only without the others.
    - keys: the image key of each container, by its position.
    - undecided: path and error of each toggle that does not render.
    """

    count: int
    sets: tuple[tuple[str, RenderedSet], ...]
    alone: tuple[tuple[str, RenderedSet], ...]
    keys: Mapping[Position, str]
    undecided: tuple[tuple[str, str], ...]

    @property
    def every(self) -> tuple[RenderedSet, ...]:
        """As few renderings as together have every toggle on."""
        return tuple(rendered for _, rendered in (*self.sets[: self.count], *self.alone))


def _render_all_on(chart: RenderedChart, convention: Convention, job: Job, memo: RenderMemo, policy: Any) -> _AllOn:
    """Render with all toggles on, with as few pull policies as show what the declared `policy` decides."""
    images = conventions.declared_images(convention, chart.values, chart.effective)
    references = sentinels(image.key for image in images)
    toggles = AllToggles(convention, chart.effective, job.values, memo, references)
    policies = policies_to_render(policy)
    sets = [toggles.render(0, policies[0])]
    texts = (*chart.templates.values(), _text(job.files.get("values.yaml", b""), "values.yaml"))
    if toggles.count == 1 and is_passed_on(texts, convention, sets[0], policies[0]):
        policies = policies[:1]
    # Where there are more sets of toggles than policies, the policies take turns.
    rounds = [policies[number % len(policies)] for number in range(max(len(policies), toggles.count))]
    sets += [toggles.render(number, name) for number, name in enumerate(rounds) if number]
    return _AllOn(
        count=toggles.count,
        sets=tuple(zip(rounds, sets, strict=True)),
        alone=tuple(toggles.alone),
        keys=_keys(sets, references),
        undecided=tuple(toggles.undecided),
    )


def _by_policy(all_on: _AllOn) -> dict[str, tuple[Container, ...]]:
    """Return the containers of all renderings with a pull policy, each position once."""
    found: dict[str, tuple[Container, ...]] = {}
    for policy, rendered in (*all_on.sets, *all_on.alone):
        found[policy] = _union(found.get(policy, ()), with_keys(rendered.containers, all_on.keys))
    return found


def _all_renderings(
    shipped: RenderedSet, all_on: _AllOn, drop: DropRenderings, memo: RenderMemo, policy: Any
) -> dict[str, Rendering]:
    """Return the renderings by the names that `RenderedChart` lists."""
    found = {"shipped": _rendering("shipped", shipped, all_on.keys)}
    found |= _named_all_on(all_on)
    found |= _dropped(drop, found["shipped"], shipped, all_on.keys)
    if drop.on is not None and (second := render_again(drop.on, drop.off, all_on.sets[0][1], memo)):
        found["drop:on"] = replace(found["drop:on"], second=second)
    if policy in PULL_POLICIES:
        found[f"policy:{policy}"] = found["drop:on" if drop.on else "shipped"]
    return found


def _named_all_on(all_on: _AllOn) -> dict[str, Rendering]:
    """Return `all-on`, one rendering a policy, and the others as `apart:1` and so on."""
    (policy, rendered), *others = all_on.sets
    first = _rendering("all-on", rendered, all_on.keys)
    found = {"all-on": first, f"policy:{policy}": first}
    further = []
    for policy, rendered in others:
        if (name := f"policy:{policy}") in found:
            further.append(rendered)
        else:
            found[name] = _rendering(name, rendered, all_on.keys)
    for number, rendered in enumerate((*further, *(rendered for _, rendered in all_on.alone)), start=1):
        found[f"apart:{number}"] = _rendering(f"apart:{number}", rendered, all_on.keys)
    return found


def _dropped(
    drop: DropRenderings, as_shipped: Rendering, shipped: RenderedSet, keys: Mapping[Position, str]
) -> dict[str, Rendering]:
    found = {}
    for name, rendered in (("drop:on", drop.on), ("drop:off", drop.off)):
        if rendered is not None:
            found[name] = as_shipped if rendered is shipped else _rendering(name, rendered, keys)
    return found


def _keys(sets: Iterable[RenderedSet], references: Mapping[str, str]) -> dict[Position, str]:
    keys: dict[Position, str] = {}
    for rendered in sets:
        for position, key in key_by_container(rendered.containers, references).items():
            keys.setdefault(position, key)
    return keys


def _union(some: tuple[Container, ...], more: Iterable[Container]) -> tuple[Container, ...]:
    known = {container.position for container in some}
    return (*some, *(container for container in more if container.position not in known))


def _rendering(name: str, rendered: RenderedSet, keys: Mapping[Position, str] | None = None) -> Rendering:
    containers = rendered.containers if keys is None else with_keys(rendered.containers, keys)
    return Rendering(name=name, values=rendered.values, documents=rendered.documents, containers=containers)


def _override(path: str, data: bytes, convention: Convention) -> ValuesOverride:
    try:
        values = read_values(_text(data, path), path)
    except SuiteError as error:
        return ValuesOverride(path=path, values=Values(content={}, lines={}), error=error.message)
    images: tuple[DeclaredImage, ...] = conventions.declared_images(convention, values, values.content)
    return ValuesOverride(path=path, values=values, images=images)
