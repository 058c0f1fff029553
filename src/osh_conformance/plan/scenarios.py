"""The scenarios of the search path, with the rules that are checked in each.

Only planning may import both the loader and the rules.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from osh_conformance.errors import SuiteError
from osh_conformance.loading import definitions
from osh_conformance.loading.search import PACKAGE_ONLY, DataPath
from osh_conformance.model.scenario import ScenarioGroup
from osh_conformance.rules import registry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from osh_conformance.model.scenario import Scenario


def known(path: DataPath = PACKAGE_ONLY) -> Mapping[str, Scenario]:
    """Return the scenarios by name, each with all rules that are checked in it.

    Raises `UsageError` for a scenario that names a rule without a live or matrix side, and `SuiteError` for a rule of
    another distribution that is checked in no scenario.
    """
    rules = [*registry.live_rules(), *registry.matrix_rules()]
    found = {
        name: replace(scenario, rules=registry.rules_of(scenario))
        for name, scenario in definitions.scenarios(rules, path).items()
    }
    _check_every_rule_has_one(rules, found)
    return found


def _check_every_rule_has_one(rules: list[str], scenarios: Mapping[str, Scenario]) -> None:
    checked = {rule for scenario in scenarios.values() for rule in (*scenario.rules, *scenario.times(2).rules)}
    for rule in rules:
        if rule not in checked:
            requested = registry.all_rules()[rule].scenarios
            raise SuiteError(
                f"{rule} is checked in no scenario (its `scenarios`: {', '.join(requested) or 'empty'})",
                expected=f"a name or a group of scenarios: {', '.join((*ScenarioGroup, *sorted(scenarios)))}",
                fix=f"correct `scenarios` of {rule}",
            )
