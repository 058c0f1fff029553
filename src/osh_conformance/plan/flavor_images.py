"""The images that flavors give to charts. A flavor is asked only for image keys that a rendered container uses."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from osh_conformance.charts import conventions
from osh_conformance.charts.opened import OpenedCharts
from osh_conformance.charts.values import merged
from osh_conformance.errors import SuiteError
from osh_conformance.plan.cells import convention_of, functions_of
from osh_conformance.render.declared import used_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from osh_conformance.charts.source import ChartSource
    from osh_conformance.charts.target import ChartTarget
    from osh_conformance.model.matrix import Flavor
    from osh_conformance.render.engines.base import Renderer


def references(
    target: ChartTarget,
    flavor: Flavor,
    values: Mapping[str, Any],
    renderer: Callable[[], Renderer],
    jobs: Collection[str] = (),
) -> dict[str, str]:
    """Return by image key the references that a flavor gives to a chart with `values`, none for `shipped`.

    `jobs` as `Flavor.references` has it. Renders the chart where the flavor has no image for one of its keys. Raises
    `UsageError` if the flavor has none for a key that a container uses.
    """
    keys = conventions.of_flavors(convention_of(target), functions_of(target, values))

    def used() -> frozenset[str]:
        try:
            with OpenedCharts() as charts:
                source = charts.open(target.path, target.reader, target.root)
                return keys_with_either_drop(target, source, values, renderer())
        except SuiteError:
            # Its cells report why it does not render.
            return frozenset(keys)

    return flavor.references(target.name, keys, used, jobs)


def keys_with_either_drop(
    target: ChartTarget, source: ChartSource, values: Mapping[str, Any], renderer: Renderer
) -> frozenset[str]:
    """Return the image keys that containers of an opened chart use, with the drop Job and without it.

    Raises `SuiteError` if the chart does not render.
    """
    convention = convention_of(target)
    switched = partial(conventions.drop_values, convention)
    return frozenset().union(
        *(
            used_keys(source, convention, merged(values, switched(enabled=enabled)), renderer)
            for enabled in (False, True)
        )
    )
