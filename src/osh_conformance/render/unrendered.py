"""What no rendering has shown: templates that stayed empty, and toggles that cannot be switched off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from osh_conformance.charts.values import merged, placed
from osh_conformance.errors import SuiteError
from osh_conformance.manifests.guards import first_condition, is_partial, renders_nothing
from osh_conformance.model.chart import UnrenderedTemplate
from osh_conformance.render.all_toggles import blamed
from osh_conformance.render.toggles import toggles

if TYPE_CHECKING:
    from collections.abc import Mapping

    from osh_conformance.model.chart import RenderedChart
    from osh_conformance.model.convention import Convention
    from osh_conformance.render.memo import RenderMemo

#: Renderings that the search for toggles that cannot be switched off may take.
_MOST = 60
#: What Helm says where a template refuses values on purpose.
_REFUSED = "execution error at"


def unrendered(templates: Mapping[str, str], seen: frozenset[str]) -> tuple[UnrenderedTemplate, ...]:
    """Return the templates of the chart itself that are not among those `seen` to render something."""
    found = []
    for path in with_objects(templates):
        if path in seen:
            continue
        condition = first_condition(templates[path])
        guard, line = (condition.text, condition.line) if condition else ("", None)
        found.append(UnrenderedTemplate(template=path, guard=guard, line=line))
    return tuple(found)


def with_objects(templates: Mapping[str, str]) -> tuple[str, ...]:
    """Return the templates of the chart itself that should render objects."""
    return tuple(
        path
        for path, text in sorted(templates.items())
        if not path.startswith("charts/") and not is_partial(path) and not renders_nothing(text)
    )


def stuck_toggles(
    convention: Convention, chart: RenderedChart, given: Mapping[str, Any], memo: RenderMemo
) -> tuple[tuple[str, str], ...]:
    """Return the toggles that are on and without which the chart does not render, each with the error.

    Left out are those that only fail together with another one, and those that a template refuses in its own words.
    """
    off = [path for path, value in toggles(convention, chart.effective).items() if value]
    stuck: dict[str, str] = {}
    tried: set[str] = set()
    for _ in range(_MOST):
        error = _error(memo, given, [path for path in off if path not in stuck])
        if not error:
            break
        left = [path for path in off if path not in tried]
        suspects = blamed(left, error, chart.templates)
        path = next((path for path in left if path in suspects), left[0] if left else None)
        if path is None:
            break
        tried.add(path)
        if alone := _error(memo, given, [path]):
            stuck[path] = alone
    return tuple((path, error) for path, error in stuck.items() if _REFUSED not in error)


def _error(memo: RenderMemo, given: Mapping[str, Any], off: list[str]) -> str:
    try:
        memo.render(merged(given, *(placed(path, value=False) for path in off)))
    except SuiteError as error:
        return error.message
    return ""
