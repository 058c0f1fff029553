"""Renders a chart with all of its optional manifests switched on."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Any

from osh_conformance.charts.values import merged, placed
from osh_conformance.errors import SuiteError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from osh_conformance.render.memo import RenderedSet, RenderMemo

    #: The dotted path of a switch, "" for the pull secret, and the values that set it.
    Item = tuple[str, Mapping[str, Any]]

_TEMPLATE = re.compile(r"\btemplates/[^\s:\">]+")
#: Renderings of one chart that may go into the search for switches that render together, each alone, and off.
_MOST_TOGETHER, _MOST_ALONE, _MOST_OFF = 16, 8, 6


class AllToggles:
    """Renders a chart with each set of toggles, and with a pull secret, over the values that a pull policy gives.

    - count: the number of sets of toggles; no two of them can be on together.
    - secret: whether every rendering has the pull secret.
    - alone: toggles that render alone, but not with the others, and wishes that differ: the policy and the rendering
      of each.
    - undecided: toggles that do not render at all, or that were not tried: the dotted path and the reason of each.
    """

    def __init__(  # noqa: PLR0913, PLR0917  (what is rendered, and how a failure is searched)
        self,
        memo: RenderMemo,
        sets: Sequence[Mapping[str, bool]],
        base: Callable[[str], Mapping[str, Any]],
        secret: Mapping[str, Any],
        templates: Mapping[str, str],
        first: Iterable[str] = (),
    ) -> None:
        """Render nothing yet. The switches `first` are the first ones to suspect where a set does not render."""
        self._memo = memo
        self._sets = [_items(toggles, secret) for toggles in sets]
        self._base = base
        self._templates = templates
        self._first = frozenset(first)
        self.count = len(sets)
        self.secret = bool(secret)
        self._searched: set[int] = set()
        self._left, self._left_alone = _MOST_TOGETHER, _MOST_ALONE
        self._failed: dict[str, str] = {}
        self.alone: list[tuple[str, RenderedSet]] = []
        self.undecided: list[tuple[str, str]] = []

    def render(self, number: int, policy: str) -> RenderedSet:
        """Render with `policy` and set number `number`, counted round the sets, without what does not render.

        Raises `SuiteError` if the chart does not render with the other values alone.
        """
        number %= self.count
        base = self._base(policy)
        try:
            return self._memo.render(_with(base, self._sets[number]))
        except SuiteError as error:
            failed = error
        if number not in self._searched:
            self._searched.add(number)
            self._sets[number] = self._working(base, policy, self._sets[number], failed.message)
            self.secret = all(any(not path for path, _ in items) for items in self._sets)
        try:
            return self._memo.render(_with(base, self._sets[number]))
        except SuiteError as error:
            raise SuiteError(
                f"renders as shipped, but not with its images and pull policy overridden: {error.message}",
                expected="an images section that operators can override",
            ) from error

    def switched_off(self, paths: Iterable[str], policy: str) -> RenderedSet | None:
        """Render the first set with these switches off, as many as render; None if that is the set itself."""
        base = _with(self._base(policy), self._sets[0])
        items: list[Item] = [(path, placed(path, value=False)) for path in paths]
        try:
            return self._memo.render(_with(base, items))
        except SuiteError as error:
            self._left = _MOST_OFF
            working, _ = self._added(base, [], self._split(items, error.message))
        return self._memo.render(_with(base, working)) if working else None

    def add_wishes(self, wishes: Iterable[Mapping[str, bool]], policy: str) -> None:
        """Render the first set with each of these, and add what renders to `alone`."""
        base = _with(self._base(policy), self._sets[0])
        for wish in wishes:
            with contextlib.suppress(SuiteError):
                self.alone.append((policy, self._memo.render(_with(base, _items(wish, {})))))

    def _working(self, base: Mapping[str, Any], policy: str, items: list[Item], error: str) -> list[Item]:
        """Return as many of the items as render together, and see which of the others render alone."""
        self._left = _MOST_TOGETHER
        known = {path for path, _ in self.undecided}
        items = [item for item in items if item[0] not in known]
        working, failing = self._added(base, [], self._split(items, error))
        alone = {item[0]: self._alone_with(base, policy, item) for item in failing if item[0]}
        # What fails in another way alone may need a switch that is on by now.
        again = [[item] for item in failing if not item[0] or alone[item[0]] not in ("", self._failed[item[0]])]
        working, _ = self._added(base, working, again)
        self.undecided += [(path, error) for path, error in alone.items() if error and path not in dict(working)]
        return working

    def _alone_with(self, base: Mapping[str, Any], policy: str, item: Item) -> str:
        """Render a switch alone; return the error if it does not render, or is not tried."""
        if self._left_alone <= 0:
            return f"not tried alone, after {_MOST_ALONE} other switches that do not render with the others"
        self._left_alone -= 1
        try:
            self.alone.append((policy, self._memo.render(_with(base, [item]))))
        except SuiteError as error:
            return error.message
        return ""

    def _added(
        self, base: Mapping[str, Any], working: list[Item], waiting: list[list[Item]]
    ) -> tuple[list[Item], list[Item]]:
        """Add the groups that wait to those that work, the last one first; return all that render, and the rest."""
        failing: list[Item] = []
        while waiting:
            group = waiting.pop()
            error = self._error(base, [*working, *group])
            if not error:
                working = [*working, *group]
            elif len(group) == 1 or self._left <= 0:
                failing += group
                self._failed |= dict.fromkeys((path for path, _ in group), error)
            else:
                waiting += self._split(group, error)
        return working, failing

    def _split(self, items: list[Item], error: str) -> list[list[Item]]:
        """Return groups of items that do not render together: those that the error names, before the others.

        Where it names none, or all, the items are halved.
        """
        names = blamed([path for path, _ in items], error, self._templates)
        names = names & self._first or names
        named = [item for item in items if item[0] in names]
        others = [item for item in items if item[0] not in names]
        return [named, others] if named and others else _halves(items)

    def _error(self, base: Mapping[str, Any], items: list[Item]) -> str:
        """Return why the chart does not render with these items, "" if it does."""
        if self._left <= 0:
            return "not tried: too many renderings did not show which switches render together"
        self._left -= 1
        try:
            self._memo.render(_with(base, items))
        except SuiteError as error:
            return error.message
        return ""


def blamed(paths: Iterable[str], error: str, templates: Mapping[str, str]) -> set[str]:
    """Return the switches, by dotted path, that an error names, or else those in the templates that it names."""
    paths = [path for path in paths if path]
    if named := {path for path in paths if re.search(rf"(?<![\w.-]){re.escape(path)}(?![\w-])", error)}:
        return named
    texts = [templates.get(path, "") for path in _TEMPLATE.findall(error)]
    return {path for path in paths if any(path in text for text in texts)}


def _items(toggles: Mapping[str, bool], secret: Mapping[str, Any]) -> list[Item]:
    found: list[Item] = [(path, placed(path, value)) for path, value in toggles.items()]
    return [*found, ("", secret)] if secret else found


def _halves(items: list[Item]) -> list[list[Item]]:
    half = len(items) // 2
    return [part for part in (items[half:], items[:half]) if part]


def _with(base: Mapping[str, Any], items: Iterable[Item]) -> dict[str, Any]:
    return merged(base, *(values for _, values in items))
