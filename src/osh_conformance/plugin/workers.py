"""How pytest-xdist shares the items: all items of a chart go to one worker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-not-found,import-untyped,unused-ignore]

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pytest


class ChartScheduling(LoadScopeScheduling):  # type: ignore[misc,unused-ignore]
    """Gives all items of a chart to one worker, and every other test to the next free one."""

    def __init__(self, config: pytest.Config, log: Any, rules: Iterable[str]) -> None:
        super().__init__(config, log)
        self._ends = tuple(f"-{rule}]" for rule in rules)

    def _split_scope(self, nodeid: str) -> str:
        for end in self._ends:
            if nodeid.endswith(end):
                return nodeid.removesuffix(end).rpartition("[")[2]
        return nodeid
