"""The steps of a scenario: one function for each verb."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, assert_never

from osh_conformance.errors import SuiteError
from osh_conformance.model.observation import Moment, ReleaseLifetime
from osh_conformance.model.scenario import (
    ChartTestsStep,
    ExpectedData,
    InjectStep,
    InstallStep,
    RecoverStep,
    RepairStep,
    SessionsStep,
    SqlStep,
    SqlTarget,
    UninstallStep,
    Until,
    UpgradeStep,
)
from osh_conformance.observe import identity
from osh_conformance.observe.database import named_account, quote_name, quote_text
from osh_conformance.observe.pod_status import job_condition
from osh_conformance.scenario import (
    belongings,
    chart_tests,
    faults,
    helm_test,
    infrastructure,
    outside,
    pull_secret,
    readiness,
    recovery,
    removal,
    sessions,
)
from osh_conformance.scenario.state import InstalledRelease

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future

    from osh_conformance.model.observation import DatabaseState
    from osh_conformance.model.scenario import ScenarioStep
    from osh_conformance.observe.context import CellContext
    from osh_conformance.observe.watch import View
    from osh_conformance.process import Outcome
    from osh_conformance.scenario.state import ScenarioState

#: Helm's timeout in seconds for a release whose database is withheld.
_WITHHELD_TIMEOUT = 10
#: Seconds within which the release's databases must appear.
_APPEARS_WITHIN = 120.0
#: Seconds that a release gets for its first database or account, if everything else is ready before.
_LATE_WITHIN = 20.0


def perform(state: ScenarioState, step: ScenarioStep) -> None:
    """Perform one step. Raises `SuiteError` if the environment is broken, and not the chart."""
    match step:
        case InstallStep():
            install(state, step)
        case UpgradeStep():
            upgrade(state, step)
        case ChartTestsStep():
            run_chart_tests(state)
        case SqlStep():
            run_sql(state, step)
        case SessionsStep():
            open_sessions(state, step)
        case InjectStep():
            faults.inject(state, step.inject)
        case RepairStep():
            faults.repair_all(state)
        case UninstallStep():
            removal.uninstall(state, step)
        case RecoverStep():
            recovery.recover(state, step)
        case _:
            assert_never(step)


# -- install and upgrade ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """An install or upgrade of a release: in which namespace, with which values, and how long to wait."""

    action: str
    context: CellContext
    before: DatabaseState
    drop: bool
    second: bool
    previous: bool = False
    until: Until = Until.READY
    withhold_seconds: float = 0.0


def install(state: ScenarioState, step: InstallStep) -> None:
    """Install a release, and record its lifetime."""
    before = _data_of_others(state, second=step.second)
    outside.record(state, Moment.BEFORE)
    context = state.closing.enter_context(state.context.second_context()) if step.second else state.context
    if step.second:
        pull_secret.create(state.plan.pull_secret, context)
        for component in state.plan.components:
            infrastructure.lend(component, state.context, context)
    drop = state.plan.scenario.db_drop if step.drop is None else step.drop
    known = {pod["metadata"]["name"] for pod in context.watch.view().all_pods}
    change = _Change(
        action="install",
        context=context,
        before=before,
        drop=drop,
        second=step.second,
        previous=step.previous,
        until=step.until,
        withhold_seconds=step.withhold_seconds,
    )
    with state.timed("install and wait"):
        unsettled = _apply(state, change)
    # Secrets are gone with the release, but the logs of its hooks may contain them.
    context.secrets.learn()
    with state.timed("database queries"):
        installed = _first_look(state, step, before)
        pods = {pod["metadata"]["name"] for pod in context.watch.view().all_pods} - known
        lifetime = ReleaseLifetime(
            release=state.plan.release,
            before=before,
            installed=installed,
            pods=tuple(sorted(pods)),
            unsettled=unsettled,
        )
        state.lifetimes.append(lifetime)
        state.releases[step.second] = InstalledRelease(context=context, lifetime=len(state.lifetimes) - 1, drops=drop)
        belongings.mark(state, len(state.lifetimes) - 1)
        if len(state.lifetimes) == 1:
            _observe_release(state, ready=not unsettled and step.until is Until.READY)


def _first_look(state: ScenarioState, step: InstallStep, before: DatabaseState) -> DatabaseState:
    """Return what the server holds after an install. A release that has made nothing yet gets time for it."""
    if step.until is Until.FAILED:
        return _wait_for_data(state, before, _APPEARS_WITHIN)
    now = state.read_database()
    with_database = {"db_init", "db_drop"} & set(state.plan.declared.functions.values())
    made = {*now.databases, *now.accounts} - {*before.databases, *before.accounts}
    if made or not with_database or step.until is not Until.READY:
        return now
    # A pod may be ready, or have failed, before the database is there.
    return _wait_for_data(state, before, _LATE_WITHIN)


def _data_of_others(state: ScenarioState, *, second: bool) -> DatabaseState:
    """Return what the server holds that is not the release's; data that an earlier lifetime had to keep is."""
    earlier = state.releases.get(second)
    latest = state.removals[-1] if state.removals else None
    if earlier and latest and latest.lifetime == earlier.lifetime and latest.expected_data is ExpectedData.KEPT:
        return state.lifetimes[earlier.lifetime].before
    with state.timed("database server"):
        return state.read_database()


def _observe_release(state: ScenarioState, *, ready: bool) -> None:
    state.runtime = state.context.runtime_proof()
    outside.record(state, Moment.INSTALLED)
    if state.plan.identity and state.plan.identity.shared:
        found = state.outside[Moment.INSTALLED]
        if state.lifetime.unsettled and found.identity is None:
            # The chart may have failed because of that.
            raise SuiteError(f"the release did not come up, and {found.unread}", details=state.lifetime.unsettled)
        state.identity = found.identity if ready else None
    elif state.plan.identity and ready:
        state.identity = identity.ask(state.context.kube, state.context.namespace, state.plan.identity)


def upgrade(state: ScenarioState, step: UpgradeStep) -> None:
    """Upgrade a release, and add to its lifetime what it has now."""
    release = state.releases[step.second]
    drop = release.drops if step.drop is None else step.drop
    change = _Change(
        action="upgrade",
        context=release.context,
        before=state.lifetimes[release.lifetime].before,
        drop=drop,
        second=step.second,
    )
    with state.timed("upgrade"):
        unsettled = _apply(state, change)
    release.drops = drop
    with state.timed("database queries"):
        lifetime = replace(state.lifetimes[release.lifetime], unsettled=unsettled)
        if not unsettled:
            lifetime = replace(lifetime, installed=_both(lifetime.installed, state.read_database()))
        state.lifetimes[release.lifetime] = lifetime
        belongings.mark(state, release.lifetime)


def _both(before: DatabaseState, now: DatabaseState) -> DatabaseState:
    """Return what a release had before an upgrade or has after it: both were its own."""
    return replace(
        now,
        databases={**before.databases, **now.databases},
        accounts={**before.accounts, **now.accounts},
        roles={**before.roles, **now.roles},
    )


def _apply(state: ScenarioState, change: _Change) -> str:
    """Install or upgrade, and wait as the step asks; return why the chart did not get there, or ""."""
    plan, context = state.plan, change.context
    files = state.values_files(context, drop=change.drop, second=change.second)
    chart = plan.previous if change.previous and plan.previous else plan.chart
    stop = threading.Event()
    fails = change.until is Until.FAILED

    def call_helm() -> Outcome:
        timeout = _WITHHELD_TIMEOUT if fails else int(plan.ready_timeout)
        return context.helm.install(
            plan.release,
            chart,
            context.namespace,
            files,
            upgrade=change.action == "upgrade",
            timeout=timeout,
            wait=fails,
            cancel=stop,
        )

    with ThreadPoolExecutor(max_workers=1) as pool:
        call = pool.submit(call_helm)
        call.add_done_callback(lambda _: context.watch.wake())
        try:
            unsettled = _wait(state, change, call)
        finally:
            stop.set()
        state.record_call(change.action, call.result(), context)
    return unsettled


def _wait(state: ScenarioState, change: _Change, call: Future[Outcome]) -> str:
    plan = state.plan
    if change.until is Until.FAILED:
        if call.result().ok:
            raise SuiteError("`helm install --wait` succeeded without a database, but this scenario needs it to fail")
        infrastructure.publish(plan.database, state.context)
        return ""
    if change.until is Until.DATABASE:
        # Helm may still wait for hooks of the chart; `_apply` ends it then, as an operator would.
        _wait_for_data(state, change.before, _APPEARS_WITHIN)
        return ""
    if change.withhold_seconds:
        state.withheld = readiness.withhold(plan, change.context, call, change.withhold_seconds)
        infrastructure.publish(plan.database, state.context)
    declared = plan.second_declared if change.second else plan.declared
    return readiness.wait_ready(plan, declared or plan.declared, change.context, call, change.action)


def _wait_for_data(state: ScenarioState, before: DatabaseState, seconds: float) -> DatabaseState:
    """Wait until the server has the release's databases and an account for them; return what it holds.

    `seconds` are those before the patience with the runtime.
    """
    creators = {container.workload for container in state.plan.declared.containers_of("db_init")}

    def complete(view: View) -> bool | None:
        # A Job creates several databases one after the other, and may be deleted once it is done.
        unfinished = [
            job for name, job in view.jobs.items() if f"Job/{name}" in creators and not job_condition(job, "Complete")
        ]
        now = state.server.names()
        new = set(now.databases) - set(before.databases)
        return True if new and not unfinished and _has_account(now, before) else None

    state.context.watch.watch_for(complete, seconds=seconds * state.context.patience)
    return state.read_database()


def _has_account(now: DatabaseState, before: DatabaseState) -> bool:
    """Whether there is a new account with grants."""
    return any(now.accounts[account] for account in set(now.accounts) - set(before.accounts))


# -- chart tests, SQL and sessions -----------------------------------------------------------------------------------


def run_chart_tests(state: ScenarioState) -> None:
    """Run the chart's own tests, and `helm test`, as far as the catalog names them.

    Of several runs in a scenario the last counts, unless an earlier one failed.
    """
    plan = state.plan
    if plan.helm_test and not (state.helm_test and state.helm_test.code):
        with state.timed("helm test"):
            state.helm_test = helm_test.run(state)
    if plan.tests is not None and not (state.chart_tests and state.chart_tests.code):
        with state.timed("chart tests"), belongings.changed_by_step(state):
            state.chart_tests = chart_tests.run(plan.tests, plan.chart, plan.declared, plan.release, state.context)


def run_sql(state: ScenarioState, step: SqlStep) -> None:
    """Run statements as the server's administrator, once or for each object of the release."""
    with belongings.changed_by_step(state):
        for words in _placeholders(state, step.each):
            statements = step.sql
            for word, text in words.items():
                statements = statements.replace(f"{{{word}}}", text)
            state.server.change(statements)


def _placeholders(state: ScenarioState, each: SqlTarget | None) -> Iterator[dict[str, str]]:
    """Yield the text of each placeholder, once for every run of the statements."""
    if each is SqlTarget.DATABASE:
        for name in state.lifetime.databases:
            yield {"database": quote_name(name), "name": name.replace("`", "``")}
    elif each is SqlTarget.ACCOUNT:
        for account in state.lifetime.accounts:
            yield {"account": named_account(account), "user": quote_text(account.rpartition("@")[0])}
    else:
        yield {}


def open_sessions(state: ScenarioState, step: SessionsStep) -> None:
    """Open connections as each account of the release; they stay open until the scenario ends."""
    for account in state.lifetime.accounts:
        sql = sessions.reading(state) if step.transaction else "SELECT 1;"
        state.closing.enter_context(sessions.opened(state, account, sql, step.count))
