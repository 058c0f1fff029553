"""A shorter way through pytest for static items."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from osh_conformance.plugin.static import chart_and_rule_of

if TYPE_CHECKING:
    from osh_conformance.check.engine import StaticEngine
    from osh_conformance.report.base import Listeners


class DirectItems:
    """Runs static items without fixtures, phases and reports, for runs without a reader of pytest's reports.

    pytest's own protocol takes most of the time of a run whose charts are all in the cache.
    """

    def __init__(self, engine: StaticEngine, listeners: Listeners) -> None:
        self._engine = engine
        self._listeners = listeners

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> bool | None:
        """Pass on the event that the item's fixture would have passed on."""
        chart_and_rule = chart_and_rule_of(item)
        if chart_and_rule is None:
            return None
        self._listeners.handle(self._engine.result(*chart_and_rule).event)
        return True
