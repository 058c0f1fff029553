"""Selects the scenarios of a run, the values of each axis, and the rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from osh_conformance.errors import UsageError
from osh_conformance.loading import definitions
from osh_conformance.loading.definitions import ALL
from osh_conformance.model.scenario import ScenarioGroup

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from osh_conformance.config.engine_options import LiveOptions
    from osh_conformance.model.matrix import ContainerRuntime
    from osh_conformance.model.scenario import Scenario


def select_scenarios(known: Mapping[str, Scenario], options: LiveOptions) -> tuple[Scenario, ...]:
    """Return the scenarios of a run, each once.

    Raises `UsageError` for an unknown name, for a scenario that affects the whole cluster beside others, and for one
    that cannot be repeated.
    """
    names = [*(options.scenarios or (ScenarioGroup.MAIN,)), *([ScenarioGroup.FAULTS] if options.faults else [])]
    groups = set(ScenarioGroup)
    selected: list[Scenario] = []
    for name in names:
        requested = groups - {ScenarioGroup.ENVIRONMENT} if name == ALL else {name} & groups
        of_groups = [scenario for scenario in known.values() if scenario.group in requested]
        selected += of_groups if requested else [definitions.chosen(known, name, "scenario or group")]
    _check_alone(selected)
    _check_repeatable(selected, options.repeat)
    return tuple({scenario.name: scenario.times(options.repeat) for scenario in selected}.values())


def _check_alone(scenarios: Sequence[Scenario]) -> None:
    alone = [scenario.name for scenario in scenarios if scenario.group is ScenarioGroup.ENVIRONMENT]
    if alone and len(alone) < len(scenarios):
        raise UsageError(
            f"--scenario {', '.join(alone)}: a scenario that affects the whole cluster cannot run beside others",
            fix=f"run `--scenario {ScenarioGroup.ENVIRONMENT}` by itself",
        )


def _check_repeatable(scenarios: Sequence[Scenario], repeat: int) -> None:
    others = [scenario.name for scenario in scenarios if scenario.group is not ScenarioGroup.MAIN]
    if others and repeat > 1:
        raise UsageError(
            f"--repeat {repeat}: {', '.join(others)} cannot run again on the state that it leaves",
            expected="scenarios of the group main",
            fix=f"run it {repeat} times, or `--scenario drop-enabled --repeat {repeat}`",
        )


def rules_of(scenario: Scenario, selected: Collection[str]) -> tuple[str, ...]:
    """Return the ids of the `selected` rules that check a scenario, in its order."""
    return tuple(rule for rule in scenario.rules if rule in selected)


def axis_values(known: Mapping[str, Any], names: Sequence[str], kind: str, default: str | None = None) -> list[Any]:
    """Return the records of these names, each once; without names the default's. `all` means every one, default first.

    Raises `UsageError` for an unknown name.
    """
    first = [default] if default else []
    selected = dict.fromkeys([*first, *known] if ALL in names else names or first)
    return [definitions.chosen(known, name, kind) for name in selected]


def select_runtimes(options: LiveOptions) -> tuple[ContainerRuntime | None, ...]:
    """Return the runtimes of a run; None is the nodes' own. Raises `UsageError` for a named one that is unavailable."""
    if not options.runtimes:
        return (None,)
    runtimes = axis_values(definitions.runtimes(options.data), options.runtimes, "runtime")
    for runtime in runtimes:
        reason = runtime_lacking(runtime, options)
        if reason and ALL not in options.runtimes:
            raise UsageError(f"--runtime {runtime.name}: {reason}")
    return tuple(runtimes)


def runtime_lacking(runtime: ContainerRuntime, options: LiveOptions) -> str:
    """Return why this run cannot have a runtime, "" if it can."""
    if options.kubeconfig:
        # RuntimeClasses belong to the whole cluster: the suite adds none to a cluster of the user.
        return "" if not runtime.handler else "only a cluster of the suite's own gets RuntimeClasses from it"
    return f"needs {runtime.needs}" if runtime.needs else ""
