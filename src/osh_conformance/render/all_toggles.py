"""Renders a chart with all of its optional manifests switched on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from osh_conformance.charts import conventions
from osh_conformance.charts.values import merged, placed
from osh_conformance.errors import SuiteError
from osh_conformance.render.toggles import variants

if TYPE_CHECKING:
    from collections.abc import Mapping

    from osh_conformance.model.convention import Convention
    from osh_conformance.render.memo import RenderedSet, RenderMemo


class AllToggles:
    """Renders a chart with all toggles on, a distinct reference for every image key, and one pull policy.

    - count: the number of sets of toggles; no two of them can be on together.
    - alone: toggles that render alone, but not with the others: the policy and the rendering of each.
    - undecided: toggles that do not render at all: the dotted path and the error of each.
    """

    def __init__(
        self,
        convention: Convention,
        effective: Mapping[str, Any],
        values: Mapping[str, Any],
        memo: RenderMemo,
        references: Mapping[str, str],
    ) -> None:
        self._convention = convention
        self._values = values
        self._memo = memo
        self._references = references
        self._variants = variants(convention, effective)
        self.count = len(self._variants)
        self._working: dict[int, dict[str, bool]] = {}
        self.alone: list[tuple[str, RenderedSet]] = []
        self.undecided: list[tuple[str, str]] = []

    def render(self, number: int, policy: str) -> RenderedSet:
        """Render with `policy` and the toggles of set number `number`, counted round the sets again and again."""
        variant = number % len(self._variants)
        base = merged(self._values, conventions.image_values(self._convention, self._references, policy))
        toggles = self._working.get(variant, self._variants[variant])
        try:
            return self._memo.render(merged(base, _switched(toggles)))
        except SuiteError as error:
            if not toggles:
                raise SuiteError(
                    f"renders as shipped, but not with its images and pull policy overridden: {error.message}",
                    expected="an images section that operators can override",
                ) from error
        self._working[variant] = self._bisect(base, policy, toggles)
        return self._memo.render(merged(base, _switched(self._working[variant])))

    def _bisect(self, base: Mapping[str, Any], policy: str, toggles: Mapping[str, bool]) -> dict[str, bool]:
        """Return as many of the toggles as render together."""
        together: dict[str, bool] = {}
        waiting = [list(toggles.items())]
        while waiting:
            group = waiting.pop()
            try:
                self._memo.render(merged(base, _switched({**together, **dict(group)})))
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
            rendered = self._memo.render(merged(base, _switched({toggle: value})))
        except SuiteError as error:
            if all(toggle != known for known, _ in self.undecided):
                self.undecided.append((toggle, error.message))
        else:
            self.alone.append((policy, rendered))


def _switched(toggles: Mapping[str, bool]) -> dict[str, Any]:
    return merged(*(placed(path, value) for path, value in toggles.items()))
