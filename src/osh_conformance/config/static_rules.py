"""Which static rules a live run checks: all of them, or those that its scenarios are about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.loading import definitions
from osh_conformance.loading.definitions import ALL
from osh_conformance.model.scenario import ScenarioGroup, UninstallStep
from osh_conformance.rules import registry

if TYPE_CHECKING:
    from osh_conformance.config.engine_options import LiveOptions

#: The families of rules about the removal of a release.
_OF_REMOVALS = ("DROP", "HOOK")


def static_rules(options: LiveOptions) -> tuple[str, ...]:
    """Return the ids and families of the static rules that a live run checks, as `select` has them: empty for all.

    A run of scenarios by their names is about a question of its own, which the findings of all other rules would bury.
    """
    if options.select:
        return options.select
    if options.reduced:
        return _OF_REMOVALS
    names = options.scenarios
    if not names or options.faults or {ALL, *ScenarioGroup} & set(names):
        return ()
    known = definitions.scenarios((*registry.live_rules(), *registry.matrix_rules()), options.data)
    chosen = [known[name] for name in names if name in known]
    found = [rule for scenario in chosen for rule in scenario.rules]
    if any(isinstance(step, UninstallStep) for scenario in chosen for step in scenario.steps):
        found += _OF_REMOVALS
    return tuple(dict.fromkeys(found))
