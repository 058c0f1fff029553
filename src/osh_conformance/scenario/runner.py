"""Running a scenario on a cell: its steps, one after the other, and what each showed."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

from osh_conformance.errors import SuiteError
from osh_conformance.model.observation import Observation, ReleaseLifetime
from osh_conformance.model.scenario import Do, ExpectedData, ScenarioStep, Until
from osh_conformance.observe import identity
from osh_conformance.observe.containers import observed, runtime_classes
from osh_conformance.observe.database import named_account, quote_name, quote_text
from osh_conformance.observe.pod_status import job_condition
from osh_conformance.scenario import chart_tests, faults, infrastructure, readiness, removal, sessions
from osh_conformance.scenario.database_control import ServerControl
from osh_conformance.scenario.state import InstalledRelease, ScenarioState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future

    from osh_conformance.model.observation import DatabaseState
    from osh_conformance.observe.context import CellContext
    from osh_conformance.observe.watch import View
    from osh_conformance.process import Outcome
    from osh_conformance.scenario.state import CellPlan

#: What helm is given to wait for a release whose database is withheld, and how long that may appear after it.
_IMPATIENT = 10
_APPEARS_WITHIN = 120.0


def observe(plan: CellPlan, site: CellContext, on_failure: Callable[[], None]) -> Observation:
    """Run the scenario in an empty namespace and return what it showed.

    A release that does not come up is uninstalled, and nothing else is done to it. `on_failure` is called while what
    failed to settle is still there. Raises `SuiteError` where the environment, not the chart, stands in the way.
    """
    run = _begun(plan, site)
    with run.closing:
        run.closing.callback(faults.repair_all, run)
        for number, step in enumerate(plan.scenario.steps, start=1):
            where = f"{site.title}: {step.do}, step {number} of {len(plan.scenario.steps)}"
            with site.progress.slow(where):
                _STEPS[step.do](run, step)
            if any(life.unsettled for life in run.lives):
                on_failure()
                removal.uninstall(run, ScenarioStep(do=Do.UNINSTALL))
                break
        # They are gone with the release, and what its hooks log may hold them.
        site.secrets.learn()
    return Observation(
        cell=plan.cell,
        scenario=plan.scenario,
        declared=plan.declared,
        release=plan.release,
        namespace=site.namespace,
        node_runtime=plan.node_runtime,
        helm=tuple(run.calls),
        containers=observed(site.watch.view(), plan.declared, site.last_words),
        images=plan.images,
        lives=tuple(run.lives),
        removals=tuple(run.removals),
        hold=run.hold,
        identity=run.identity,
        release_of_service=plan.release_of_service,
        runtime=run.runtime,
        runtime_classes=runtime_classes(site.watch.view()),
        own_tests=run.own_tests,
        gauges=tuple(run.gauges),
        seconds=run.seconds,
    )


def _begun(plan: CellPlan, site: CellContext) -> ScenarioState:
    withheld = any(step.hold or step.until is Until.FAILED for step in plan.scenario.steps[:1])
    started = time.monotonic()
    server = infrastructure.install(plan.database, site, service=not withheld)
    infrastructure.add_neighbour(server, plan.declared.name)
    run = ScenarioState(plan=plan, site=site, server=server, control=ServerControl.of(server))
    run.seconds["database server"] = round(time.monotonic() - started, 2)
    return run


# -- install and upgrade ---------------------------------------------------------------------------------------------


def _install(run: ScenarioState, step: ScenarioStep) -> None:
    before = _before(run, step)
    site = run.closing.enter_context(run.site.second_context()) if step.second else run.site
    if step.second:
        infrastructure.lend(run.plan.database, run.site, site)
    drop = run.plan.scenario.db_drop if step.drop is None else step.drop
    known = {pod["metadata"]["name"] for pod in site.watch.view().all_pods}
    with run.timed("install and settle"):
        unsettled = _changed(run, site, step, "install", before, drop=drop)
    # Secrets are gone with the release, and what its hooks log may hold them.
    site.secrets.learn()
    with run.timed("questions"):
        installed = _appeared(run, before) if step.until is Until.FAILED else run.look()
        pods = {pod["metadata"]["name"] for pod in site.watch.view().all_pods} - known
        run.lives.append(
            ReleaseLifetime(
                release=run.plan.release,
                before=before,
                installed=installed,
                pods=tuple(sorted(pods)),
                unsettled=unsettled,
            )
        )
        run.releases[step.second] = InstalledRelease(site=site, life=len(run.lives) - 1, drops=drop)
        if len(run.lives) == 1:
            _ask(run, ready=not unsettled and step.until is Until.READY)


def _before(run: ScenarioState, step: ScenarioStep) -> DatabaseState:
    """What the server holds that is not the release's: data that an earlier life left by right is."""
    earlier = run.releases.get(step.second)
    if (
        earlier
        and run.removals
        and run.removals[-1].life == earlier.life
        and run.removals[-1].fate is ExpectedData.KEPT
    ):
        return run.lives[earlier.life].before
    with run.timed("database server"):
        return run.look()


def _ask(run: ScenarioState, *, ready: bool) -> None:
    run.runtime = run.site.runtime_proof()
    if run.plan.identity and ready:
        run.identity = identity.ask(run.site.kube, run.site.namespace, run.plan.identity)


def _upgrade(run: ScenarioState, step: ScenarioStep) -> None:
    release = run.releases[step.second]
    drop = release.drops if step.drop is None else step.drop
    with run.timed("upgrade"):
        unsettled = _changed(run, release.site, step, "upgrade", run.lives[release.life].before, drop=drop)
    release.drops = drop
    with run.timed("questions"):
        life = replace(run.lives[release.life], unsettled=unsettled)
        run.lives[release.life] = life if unsettled else replace(life, installed=_grown(life.installed, run.look()))


def _grown(before: DatabaseState, now: DatabaseState) -> DatabaseState:
    """What a release has after an upgrade: another version may have more, and what is gone was its own all the same."""
    return replace(
        now,
        databases={**before.databases, **now.databases},
        accounts={**before.accounts, **now.accounts},
    )


def _changed(  # noqa: PLR0913
    run: ScenarioState, site: CellContext, step: ScenarioStep, action: str, before: DatabaseState, *, drop: bool
) -> str:
    """Install or upgrade, and wait as far as the step says; why the chart did not get there."""
    plan = run.plan
    files = run.values_file(site, drop=drop, second=step.second)
    chart = plan.previous if step.previous and plan.previous else plan.chart
    stop = threading.Event()
    failing = step.until is Until.FAILED

    def change() -> Outcome:
        return site.helm.install(
            plan.release,
            chart,
            site.namespace,
            files,
            upgrade=action == "upgrade",
            timeout=_IMPATIENT if failing else int(plan.settle),
            wait=failing,
            cancel=stop,
        )

    with ThreadPoolExecutor(max_workers=1) as pool:
        future = pool.submit(change)
        try:
            unsettled = _waited(run, site, step, future, before)
        finally:
            stop.set()
        run.note(action, future.result(), site)
    return unsettled


def _waited(
    run: ScenarioState, site: CellContext, step: ScenarioStep, change: Future[Outcome], before: DatabaseState
) -> str:
    if step.until is Until.FAILED:
        if change.result().ok:
            raise SuiteError("`helm install --wait` succeeded without a database: this scenario needs it to fail")
        infrastructure.publish(run.plan.database, run.site)
        return ""
    if step.until is Until.DATABASE:
        # Helm may go on waiting for hooks of the chart; it is ended then, as an operator would.
        _appeared(run, before)
        return ""
    if step.hold:
        run.hold = readiness.held(run.plan, site, change, step.hold)
        infrastructure.publish(run.plan.database, run.site)
    declared = run.plan.second_declared if step.second else run.plan.declared
    return readiness.settled(declared or run.plan.declared, site, change, run.plan.settle)


def _appeared(run: ScenarioState, before: DatabaseState) -> DatabaseState:
    """What the server holds as soon as the release has its databases and an account there."""
    makers = {c.workload for c in run.plan.declared.containers_of("db_init")}

    def there(view: View) -> bool | None:
        # A Job makes several databases one after the other, and may be gone when it has made them.
        makes = [
            job for name, job in view.jobs.items() if f"Job/{name}" in makers and not job_condition(job, "Complete")
        ]
        state = run.server.names()
        some = set(state.databases) - set(before.databases)
        return True if some and not makes and _usable(state, before) else None

    run.site.watch.watch_for(there, seconds=_APPEARS_WITHIN)
    return run.look()


def _usable(state: DatabaseState, before: DatabaseState) -> bool:
    return any(state.accounts[account] for account in set(state.accounts) - set(before.accounts))


# -- what else is done -----------------------------------------------------------------------------------------------


def _test(run: ScenarioState, _step: ScenarioStep) -> None:
    plan = run.plan
    if plan.tests is not None:
        with run.timed("own tests"):
            run.own_tests = chart_tests.run(plan.tests, plan.chart, plan.declared, plan.release, run.site)


def _sql(run: ScenarioState, step: ScenarioStep) -> None:
    for words in _subjects(run, step.each):
        statements = step.sql
        for word, text in words.items():
            statements = statements.replace(f"{{{word}}}", text)
        run.server.change(statements)


def _subjects(run: ScenarioState, each: str) -> Iterator[dict[str, str]]:
    if each == "database":
        names = run.of_release.databases
        yield from ({"database": quote_name(name), "name": name.replace("`", "``")} for name in names)
    elif each == "account":
        yield from (
            {"account": named_account(account), "user": quote_text(account.rpartition("@")[0])}
            for account in run.of_release.accounts
        )
    else:
        yield {}


def _sessions(run: ScenarioState, step: ScenarioStep) -> None:
    life = run.of_release
    for account in life.accounts:
        sql = sessions.reading(run) if step.transaction else "SELECT 1;"
        run.closing.enter_context(sessions.opened(run, account, sql, step.count))


def _strike(run: ScenarioState, step: ScenarioStep) -> None:
    faults.strike(run, step.strike)


def _repair(run: ScenarioState, _step: ScenarioStep) -> None:
    faults.repair_all(run)


_STEPS: dict[Do, Callable[[ScenarioState, ScenarioStep], None]] = {
    Do.INSTALL: _install,
    Do.UPGRADE: _upgrade,
    Do.TEST: _test,
    Do.SQL: _sql,
    Do.SESSIONS: _sessions,
    Do.STRIKE: _strike,
    Do.REPAIR: _repair,
    Do.UNINSTALL: removal.uninstall,
    Do.RECOVER: removal.recover,
}
