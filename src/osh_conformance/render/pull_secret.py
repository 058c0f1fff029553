"""Renders a chart with a pull secret at its convention's place, so that a rule sees which pods get it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from osh_conformance.charts import conventions
from osh_conformance.charts.values import merged, placed
from osh_conformance.errors import SuiteError
from osh_conformance.model.chart import Rendering
from osh_conformance.model.convention import PULL_SECRET
from osh_conformance.render.toggles import variants

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from osh_conformance.model.chart import RenderedChart
    from osh_conformance.model.convention import Convention
    from osh_conformance.render.memo import RenderedSet, RenderMemo

#: The field of a pod and of a ServiceAccount. A chart whose templates never set it takes no pull secret.
_FIELD = "imagePullSecrets"


@dataclass(frozen=True, slots=True, kw_only=True)
class PullSecretRenderings:
    """The renderings with a pull secret, by name; none, and the `error`, if one of them does not render."""

    renderings: Mapping[str, Rendering] = field(default_factory=dict)
    error: str = ""


def pull_secret_values(convention: Convention, chart: RenderedChart) -> Mapping[str, Any]:
    """Return the values that name the pull secret, none where the chart cannot take one."""
    given = conventions.pull_secret_values(convention, chart.name, PULL_SECRET)
    if not given or not any(_FIELD in text for text in chart.templates.values()):
        return {}
    # Toggles stay on: before 2026, charts of OpenStack-Helm named the Secret only if they also created it.
    return merged(given, *(placed(path, on) for path, on in variants(convention, given)[0].items()))


def render_pull_secret(
    convention: Convention, chart: RenderedChart, every: Iterable[RenderedSet], memo: RenderMemo
) -> PullSecretRenderings:
    """Render once more what `every` has, with a pull secret; nothing where the chart cannot take one."""
    values = pull_secret_values(convention, chart)
    if not values:
        return PullSecretRenderings()
    found = {}
    for number, without in enumerate(every, start=1):
        try:
            rendered = memo.render(merged(without.values, values))
        except SuiteError as error:
            return PullSecretRenderings(error=error.message)
        name = f"pull-secret:{number}"
        found[name] = Rendering(
            name=name, values=rendered.values, documents=rendered.documents, containers=rendered.containers
        )
    return PullSecretRenderings(renderings=found)


def with_pull_secret(every: Iterable[RenderedSet], renderings: Mapping[str, Rendering]) -> PullSecretRenderings:
    """Name the renderings of `every` that have a pull secret already; `renderings` has each of them."""
    known = {id(rendering.documents): rendering for rendering in renderings.values()}
    found = {f"pull-secret:{number}": known[id(each.documents)] for number, each in enumerate(every, start=1)}
    return PullSecretRenderings(renderings=found)
