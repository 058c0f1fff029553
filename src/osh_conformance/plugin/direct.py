"""A way around pytest, for runs of `check` without a reader of pytest's reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from osh_conformance.check.engine import StaticEngine
    from osh_conformance.report.base import Listeners


def check_directly(engine: StaticEngine, listeners: Listeners) -> bool:
    """Pass on the events that `StaticPlugin` would pass on, chart by chart; return whether the user interrupted it.

    pytest would take most of the time of a run whose charts are all in the cache. A chart that is done is forgotten.
    """
    interrupted = False
    try:
        for target in engine.targets:
            for rule in engine.rules:
                listeners.handle(engine.result(target, rule).event)
            engine.forget(target)
    except KeyboardInterrupt:
        interrupted = True
    for event in engine.notes(listeners.report.checks):
        listeners.handle(event)
    return interrupted
