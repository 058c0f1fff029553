"""Which renderings of a chart the rules need, and making them: as few as will do, in a worker process."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from osh_conformance.charts import conventions
from osh_conformance.charts.files import packed
from osh_conformance.charts.values import at, merged, placed
from osh_conformance.errors import SuiteError
from osh_conformance.loading.yaml import read_values
from osh_conformance.model.chart import (
    PULL_POLICIES,
    Container,
    DeclaredImage,
    Document,
    RenderedChart,
    Rendering,
    Values,
    ValuesOverride,
)
from osh_conformance.render.declared import key_by_container, sentinels, with_keys
from osh_conformance.render.engines.base import choose
from osh_conformance.render.memo import RenderedSet, RenderMemo
from osh_conformance.render.toggles import variants

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from osh_conformance.model.convention import Convention

    Step = Callable[[], None]
    Position = tuple[str, int, str, str]

_TEMPLATE = re.compile(r"(charts/[^/]+/)*templates/.+")
#: In an action, and not in its comment. Helm itself would give an empty text, and the chart another manifest.
_LOOKS_UP = re.compile(r"\{\{-?(?!-?\s*/\*)[^}]*\bgetHostByName\b")
_POLICY_LINE = "imagePullPolicy: {}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A chart to render: its files by path, with all that it depends on, and those of its values overrides.

    `folder` is where it lies below the PATH argument. `rendered` is what it gave when it was rendered before, encoded.
    `values` override the chart's own. `convention` None means: recognise it. `renderer` and `helm_program` as for `choose`.
    """

    name: str
    version: str
    files: Mapping[str, bytes]
    folder: str = ""
    rendered: bytes | None = None
    overrides: tuple[tuple[str, bytes], ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    convention: Convention | None = None
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
        # A name of our own: the chart's has been checked, but by what Helm takes for a name, not a file system.
        archive = Path(scratch) / "chart.tgz"
        archive.write_bytes(packed(job.files, "chart"))
        kitchen = RenderMemo(choose(job.renderer, job.helm_program), archive, step)
        try:
            return _render(job, values, templates, kitchen)
        finally:
            kitchen.close()


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


def _render(job: Job, values: Values, templates: Mapping[str, str], kitchen: RenderMemo) -> RenderedChart:
    effective = merged(values.content, job.values)
    shipped = kitchen.render(job.values)
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
    convention = job.convention or conventions.recognise(effective)
    if convention is None:
        return chart
    return _with_convention(chart, convention, job, kitchen, shipped)


def _with_convention(
    chart: RenderedChart, convention: Convention, job: Job, kitchen: RenderMemo, shipped: RenderedSet
) -> RenderedChart:
    images = conventions.declared_images(convention, chart.values, chart.effective)
    policy = at(chart.effective, convention.pull_policy)
    drop = _drop(convention, chart.effective, job.values, kitchen, shipped)
    references = sentinels(image.key for image in images)
    everything = _AllToggles(convention, chart.effective, job.values, kitchen, references)
    policies = _policies(policy)
    dishes = [everything.dish(0, policies[0])]
    texts = (*chart.templates.values(), _text(job.files.get("values.yaml", b""), "values.yaml"))
    if everything.count == 1 and _is_passed_on(texts, convention, dishes[0], policies[0]):
        policies = policies[:1]
    # Where more toggles exclude each other than there are policies left, the policies take turns.
    rounds = [policies[number % len(policies)] for number in range(max(len(policies), everything.count))]
    dishes += [everything.dish(number, each) for number, each in enumerate(rounds) if number]
    keys = _keys(dishes, references)
    by_policy: dict[str, tuple[Container, ...]] = {}
    for each, dish in (*zip(rounds, dishes, strict=True), *everything.apart):
        by_policy[each] = _union(by_policy.get(each, ()), with_keys(dish.containers, keys))
    as_declared = drop.on or shipped
    if policy in PULL_POLICIES:
        by_policy[policy] = with_keys(as_declared.containers, keys)
    renderings = {
        "shipped": _rendering("shipped", shipped, keys),
        **_all_on(rounds, dishes, everything.apart, keys),
    }
    renderings |= _dropped(drop, renderings["shipped"], shipped, keys)
    if drop.on is not None and (second := _second(drop.on, drop.off, dishes[0], kitchen)):
        renderings["drop:on"] = replace(renderings["drop:on"], second=second)
    if policy in PULL_POLICIES:
        renderings[f"policy:{policy}"] = renderings["drop:on" if drop.on else "shipped"]
    return replace(
        chart,
        convention=convention.name,
        containers=with_keys(chart.containers, keys),
        images=images,
        images_path=convention.images,
        policy=policy,
        policy_path=convention.pull_policy,
        policy_line=chart.values.lines.get(convention.pull_policy),
        by_policy={each: by_policy[each] for each in PULL_POLICIES if each in by_policy},
        renderings=renderings,
        undecided=(*everything.undecided, *drop.undecided),
        functions=conventions.functions(convention, chart.name, tuple(image.key for image in images)),
        drop_path=convention.db_drop,
        drop_line=chart.values.lines.get(convention.db_drop),
        overrides=tuple(_override(path, data, convention) for path, data in job.overrides),
    )


def _all_on(
    policies: Sequence[str],
    dishes: Sequence[RenderedSet],
    apart: Iterable[tuple[str, RenderedSet]],
    keys: Mapping[Position, str],
) -> dict[str, Rendering]:
    first = _rendering("all-on", dishes[0], keys)
    found = {"all-on": first, f"policy:{policies[0]}": first}
    further = []
    for policy, dish in zip(policies[1:], dishes[1:], strict=True):
        if (name := f"policy:{policy}") in found:
            further.append(dish)
        else:
            found[name] = _rendering(name, dish, keys)
    for number, dish in enumerate((*further, *(dish for _, dish in apart)), start=1):
        found[f"apart:{number}"] = _rendering(f"apart:{number}", dish, keys)
    return found


def _dropped(
    drop: _Drop, as_shipped: Rendering, shipped: RenderedSet, keys: Mapping[Position, str]
) -> dict[str, Rendering]:
    found = {}
    for name, dish in (("drop:on", drop.on), ("drop:off", drop.off)):
        if dish is not None:
            found[name] = as_shipped if dish is shipped else _rendering(name, dish, keys)
    return found


def _policies(declared: Any) -> tuple[str, ...]:
    """The policies to render with: as shipped the chart has one of the three already, if it declares one."""
    if declared is None:
        return PULL_POLICIES[:1]
    return tuple(policy for policy in ("Always", "Never", "IfNotPresent") if policy != declared)


def _is_passed_on(texts: Iterable[str], convention: Convention, dish: RenderedSet, policy: str) -> bool:
    """Whether a third policy would show nothing that a second has not shown.

    So it is where no template does anything with the declared policy but write it down, and every container has the
    one that was set. Where one has not, the third completes what is said of it.
    """
    if any(container.pull_policy != policy for container in dish.containers):
        return False
    path = convention.pull_policy
    word = path.rpartition(".")[2]
    written = re.compile(rf"-?\s*[\w$.()]*\.{re.escape(path)}\)*(\s*\|\s*(quote|squote|toString|trim))*\s*-?")
    actions = (action for text in texts for action in _actions(text, word))
    return all(written.fullmatch(action) or action.lstrip("- \n").startswith("/*") for action in actions)


def _actions(text: str, word: str) -> Iterator[str]:
    """The template actions that `word` is in, without their braces."""
    at_word = text.find(word)
    while at_word >= 0:
        begin, end = text.rfind("{{", 0, at_word), text.find("}}", at_word)
        if begin >= 0 and "}}" not in text[begin:at_word]:
            yield text[begin + 2 : end if end >= 0 else len(text)]
        at_word = text.find(word, at_word + len(word))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Drop:
    """As shipped, with the drop switch on and off; None where there is no switch, or where it does not render."""

    on: RenderedSet | None = None
    off: RenderedSet | None = None
    undecided: tuple[tuple[str, str], ...] = ()


def _drop(
    convention: Convention,
    effective: Mapping[str, Any],
    values: Mapping[str, Any],
    kitchen: RenderMemo,
    shipped: RenderedSet,
) -> _Drop:
    switch = at(effective, convention.db_drop)
    if not isinstance(switch, bool):
        return _Drop()
    try:
        other = kitchen.render(merged(values, conventions.drop_values(convention, enabled=not switch)))
    except SuiteError as error:
        known = {"on" if switch else "off": shipped}
        return _Drop(**known, undecided=((convention.db_drop, error.message),))
    return _Drop(on=shipped, off=other) if switch else _Drop(on=other, off=shipped)


def _second(
    on: RenderedSet, off: RenderedSet | None, elsewhere: RenderedSet, kitchen: RenderMemo
) -> tuple[Document, ...]:
    """Render the drop Job again, unless its names are the same with other values already."""
    before = off.texts if off else {}
    drops = {path.partition("/")[2] for path, text in on.texts.items() if before.get(path) != text}
    if _names(on, drops) == _names(elsewhere, drops):
        return ()
    return kitchen.render(on.values, again=True).documents


def _names(dish: RenderedSet, templates: Iterable[str]) -> set[tuple[str, str, str]]:
    return {(each.template, each.kind, each.name) for each in dish.documents if each.template in templates}


class _AllToggles:
    """All toggles on, every image key set to a reference of its own, one pull policy."""

    def __init__(
        self,
        convention: Convention,
        effective: Mapping[str, Any],
        values: Mapping[str, Any],
        kitchen: RenderMemo,
        references: Mapping[str, str],
    ) -> None:
        self._convention = convention
        self._values = values
        self._kitchen = kitchen
        self._references = references
        self._variants = variants(convention, effective)
        #: How many sets of toggles there are, of which no two can be on together.
        self.count = len(self._variants)
        self._settled: dict[int, dict[str, bool]] = {}
        #: Toggles that render alone, but not with the others: the policy and the rendering of each.
        self.apart: list[tuple[str, RenderedSet]] = []
        self.undecided: list[tuple[str, str]] = []

    def dish(self, number: int, policy: str) -> RenderedSet:
        """Render with `policy` and the toggles of a variant; of many variants, each policy takes its turn."""
        variant = number % len(self._variants)
        base = merged(self._values, conventions.image_values(self._convention, self._references, policy))
        settled = self._settled.get(variant, self._variants[variant])
        try:
            return self._kitchen.render(merged(base, _switched(settled)))
        except SuiteError as error:
            if not settled:
                raise SuiteError(
                    f"renders as shipped, but not with its images and pull policy overridden: {error.message}",
                    expected="an images section that operators can override",
                ) from error
        self._settled[variant] = self._bisected(base, policy, settled)
        return self._kitchen.render(merged(base, _switched(self._settled[variant])))

    def _bisected(self, base: Mapping[str, Any], policy: str, toggles: Mapping[str, bool]) -> dict[str, bool]:
        """Return as many of the toggles as render together."""
        together: dict[str, bool] = {}
        waiting = [list(toggles.items())]
        while waiting:
            group = waiting.pop()
            try:
                self._kitchen.render(merged(base, _switched({**together, **dict(group)})))
                together.update(group)
            except SuiteError:
                if len(group) > 1:
                    half = len(group) // 2
                    waiting += [group[half:], group[:half]]
                else:
                    self._alone(base, policy, *group[0])
        return together

    def _alone(self, base: Mapping[str, Any], policy: str, toggle: str, value: bool) -> None:  # noqa: FBT001
        try:
            dish = self._kitchen.render(merged(base, _switched({toggle: value})))
        except SuiteError as error:
            if all(toggle != known for known, _ in self.undecided):
                self.undecided.append((toggle, error.message))
        else:
            self.apart.append((policy, dish))


def _switched(toggles: Mapping[str, bool]) -> dict[str, Any]:
    return merged(*(placed(path, value) for path, value in toggles.items()))


def _keys(dishes: Iterable[RenderedSet], references: Mapping[str, str]) -> dict[Position, str]:
    keys: dict[Position, str] = {}
    for dish in dishes:
        for position, key in key_by_container(dish.containers, references).items():
            keys.setdefault(position, key)
    return keys


def _union(some: tuple[Container, ...], more: Iterable[Container]) -> tuple[Container, ...]:
    known = {container.position for container in some}
    return (*some, *(container for container in more if container.position not in known))


def _rendering(name: str, dish: RenderedSet, keys: Mapping[Position, str] | None = None) -> Rendering:
    containers = dish.containers if keys is None else with_keys(dish.containers, keys)
    return Rendering(name=name, values=dish.values, documents=dish.documents, containers=containers)


def _override(path: str, data: bytes, convention: Convention) -> ValuesOverride:
    try:
        values = read_values(_text(data, path), path)
    except SuiteError as error:
        return ValuesOverride(path=path, values=Values(content={}, lines={}), error=error.message)
    images: tuple[DeclaredImage, ...] = conventions.declared_images(convention, values, values.content)
    return ValuesOverride(path=path, values=values, images=images)
