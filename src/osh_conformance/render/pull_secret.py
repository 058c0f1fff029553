"""Renders a chart with a pull secret at its convention's place, so that a rule sees which pods get it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

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


def render_pull_secret(
    convention: Convention, chart: RenderedChart, every: Iterable[RenderedSet], memo: RenderMemo
) -> PullSecretRenderings:
    """Render once more what `every` has, with a pull secret; nothing where the chart cannot take one."""
    given = conventions.pull_secret_values(convention, chart.name, PULL_SECRET)
    # Toggles stay on: before 2026, charts of OpenStack-Helm named the Secret only if they also created it.
    values = merged(given, *(placed(path, on) for path, on in variants(convention, given)[0].items()))
    if not values or not any(_FIELD in text for text in chart.templates.values()):
        return PullSecretRenderings()
    found = {}
    for number, without in enumerate(every, start=1):
        name = f"pull-secret:{number}"
        try:
            rendered = memo.render(merged(without.values, values))
        except SuiteError as error:
            return PullSecretRenderings(error=error.message)
        found[name] = Rendering(
            name=name, values=rendered.values, documents=rendered.documents, containers=rendered.containers
        )
    return PullSecretRenderings(renderings=found)
