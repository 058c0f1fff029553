"""Running a scenario on a cell: its steps, one after the other, and the observation that they give."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from osh_conformance.model.convention import PULL_SECRET
from osh_conformance.model.observation import Observation
from osh_conformance.model.scenario import InstallStep, UninstallStep, Until
from osh_conformance.observe.containers import observed, refused_pulls, runtime_classes
from osh_conformance.scenario import faults, infrastructure, pull_secret, removal, second_cause, sessions, steps
from osh_conformance.scenario.database_control import ServerControl
from osh_conformance.scenario.state import ScenarioState

if TYPE_CHECKING:
    from collections.abc import Callable

    from osh_conformance.observe.context import CellContext
    from osh_conformance.scenario.state import CellPlan


def observe(plan: CellPlan, context: CellContext, on_failure: Callable[[], None]) -> Observation:
    """Run the scenario in an empty namespace and return what the suite observed.

    A release that does not become ready is uninstalled, and no further step runs. `on_failure` is called while the
    release that is not ready still exists. Raises `SuiteError` if the environment is broken, and not the chart.
    """
    with context.progress.doing(context.title, "start the servers"):
        state = _start(plan, context)
    with state.closing:
        state.closing.callback(faults.repair_all, state)
        for number, step in enumerate(plan.scenario.steps, start=1):
            with context.progress.doing(context.title, f"{step.do}, step {number} of {len(plan.scenario.steps)}"):
                steps.perform(state, step)
            if any(lifetime.unsettled for lifetime in state.lifetimes):
                on_failure()
                removal.uninstall(state, UninstallStep())
                break
        with context.progress.doing(context.title, "look at what is left"):
            second_cause.find(state)
        # Secrets are gone with the release, but the logs of its hooks may contain them.
        context.secrets.learn()
    return _observation(state)


def _start(plan: CellPlan, context: CellContext) -> ScenarioState:
    started = time.monotonic()
    pull_secret.create(plan.pull_secret, context)
    withheld = [plan.database] if _withholds(plan) else []
    pods = infrastructure.install(plan.components, context, withheld)
    server = infrastructure.database_server(plan.database, pods[plan.database.name], context)
    control = ServerControl.of(server)
    infrastructure.add_neighbour(server, plan.declared.name)
    sessions.hold_neighbour(control, infrastructure.neighbour(plan.declared.name), infrastructure.NEIGHBOUR_PASSWORD)
    state = ScenarioState(
        plan=plan,
        context=context,
        server=server,
        control=control,
        replica=infrastructure.replica(plan.components, pods, context),
        queue=infrastructure.message_queue(plan.components, pods, context),
    )
    state.seconds["database server"] = round(time.monotonic() - started, 2)
    return state


def _withholds(plan: CellPlan) -> bool:
    """Whether the first step withholds the database's Service."""
    first = next(iter(plan.scenario.steps), None)
    return isinstance(first, InstallStep) and bool(first.withhold_seconds or first.until is Until.FAILED)


def _observation(state: ScenarioState) -> Observation:
    plan, view = state.plan, state.context.watch.view()
    return Observation(
        cell=plan.cell,
        scenario=plan.scenario,
        declared=plan.declared,
        release=plan.release,
        namespace=state.context.namespace,
        node_runtime=plan.node_runtime,
        helm=tuple(state.helm_calls),
        containers=observed(view, plan.declared, state.context.last_words),
        images=plan.images,
        lifetimes=tuple(state.lifetimes),
        removals=tuple(state.removals),
        withheld=state.withheld,
        identity=state.identity,
        release_of_service=plan.release_of_service,
        pull_secret=PULL_SECRET if plan.pull_secret else "",
        refused_pulls=refused_pulls(view),
        runtime=state.runtime,
        runtime_classes=runtime_classes(view),
        chart_tests=state.chart_tests,
        helm_test=state.helm_test,
        outside=state.outside,
        usage=tuple(state.usage),
        seconds=state.seconds,
    )
