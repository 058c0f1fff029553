"""The steps of a scenario on a cell: install, settle, ask, uninstall, ask again."""

from __future__ import annotations

import contextlib
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from osh_conformance.model.chart import Role
from osh_conformance.model.observation import (
    Cell,
    DependencyHold,
    HelmCall,
    Observation,
    ObservedContainer,
    OwnTests,
    Scenario,
    Step,
    SuppliedImage,
)
from osh_conformance.observe import identity as keystone
from osh_conformance.observe import infrastructure, own_tests
from osh_conformance.observe.watch import (
    NamespaceWatch,
    NotReadyError,
    WorkloadFailedError,
    job_condition,
    last_end,
    pod_ready,
    workload_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from osh_conformance.model.chart import DeclaredChart
    from osh_conformance.model.observation import DatabaseState
    from osh_conformance.observe.database import DatabaseServer
    from osh_conformance.observe.site import Site
    from osh_conformance.observe.watch import Object, View
    from osh_conformance.process import Outcome

_HELD_WITHIN = 120.0
_POD_REMOVAL = 60.0
_DELETE_HOOKS = ("pre-delete", "post-delete", "test", "test-success", "test-failure", "pre-rollback", "post-rollback")


@dataclass(frozen=True, slots=True, kw_only=True)
class CellPlan:
    """All that running one scenario on one cell needs; nothing in it is decided from a chart's name.

    `values` are given to helm as a file, after the chart's own. `tests` are the chart's own.
    `settle` bounds install and settling, in seconds.
    """

    cell: Cell
    scenario: Scenario
    chart: Path
    values: Mapping[str, Any]
    declared: DeclaredChart
    release: str
    images: tuple[SuppliedImage, ...]
    database: infrastructure.Component
    identity: keystone.IdentityService | None = None
    tests: Path | None = None
    release_of_service: str = ""
    node_runtime: str = ""
    settle: float = 300.0
    uninstall_timeout: int = 300


@dataclass(slots=True)
class _Run:
    """The state of a running scenario: what has been seen so far."""

    plan: CellPlan
    site: Site
    calls: list[HelmCall] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    database: dict[Step, DatabaseState] = field(default_factory=dict)

    @contextlib.contextmanager
    def timed(self, step: str) -> Iterator[None]:
        started = time.monotonic()
        try:
            yield
        finally:
            self.seconds[step] = round(time.monotonic() - started, 2)


def observe(plan: CellPlan, site: Site, on_failure: Callable[[], None]) -> Observation:
    """Run the scenario in an empty namespace and return what it showed.

    `on_failure` is called while what failed to settle is still there. Raises `SuiteError` where the environment, not
    the chart, stands in the way.
    """
    run = _Run(plan=plan, site=site)
    with run.timed("database server"):
        server = infrastructure.install(plan.database, site, service=not plan.scenario.hold_dependencies)
        infrastructure.add_neighbour(server, plan.declared.name)
        run.database[Step.BEFORE] = server.state()
    hold, unsettled = _install(run)
    if unsettled:
        on_failure()
    # They are gone with the release, and what its hooks log may hold them.
    site.hidden.learn()
    with run.timed("questions"):
        runtime = site.runtime()
        run.database[Step.INSTALLED] = server.state()
        identity = keystone.ask(site.kube, site.namespace, plan.identity) if plan.identity and not unsettled else None
    tests = _own_tests(run) if not unsettled else None
    leftovers = _uninstall(run, server)
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
        database=run.database,
        hold=hold,
        identity=identity,
        release_of_service=plan.release_of_service,
        runtime=runtime,
        runtime_classes=runtime_classes(site.watch.view()),
        own_tests=tests,
        leftovers=leftovers,
        unsettled=unsettled,
        seconds=run.seconds,
    )


def _install(run: _Run) -> tuple[DependencyHold | None, str]:
    plan = run.plan
    values = run.site.folder / "values.yaml"
    values.touch(mode=0o600)
    values.write_text(yaml.safe_dump(dict(plan.values)))
    hold = None
    stop = threading.Event()

    def install() -> Outcome:
        return run.site.helm.install(
            plan.release, plan.chart, run.site.namespace, [values], timeout=int(plan.settle), cancel=stop
        )

    with run.timed("install and settle"), ThreadPoolExecutor(max_workers=1) as pool:
        future = pool.submit(install)
        try:
            if plan.scenario.hold_dependencies:
                hold = _hold(run, future)
                infrastructure.publish(plan.database, run.site)
            unsettled = _settle(run, future)
        finally:
            stop.set()
        run.calls.append(_call(run.site, "install", future.result()))
    return hold, unsettled


def _hold(run: _Run, install: Future[Outcome]) -> DependencyHold:
    """Keep the database's Service away until pods wait for it and a while longer; see who waits and who does not."""
    declared = run.plan.declared
    # A chart without such a key promises no wait.
    promised = "dep_check" in declared.functions.values()
    needy = {c.workload for c in declared.containers_of("db_init")} if promised else set()
    if not needy:
        return DependencyHold(seconds=0.0, waiting=(), early=())

    def all_waiting(view: View) -> bool | None:
        if install.done() and not install.result().ok:
            return True
        running = {w for pod in view.pods.values() if (w := workload_of(pod)) in needy and _started(pod)}
        return True if running >= needy else None

    run.site.watch.wait("the pods that need the database", all_waiting, deadline=_HELD_WITHIN, concerns=_is_chart)
    started = time.monotonic()
    run.site.watch.watch_for(lambda view: _early(view, needy) or None, seconds=run.plan.scenario.hold_seconds)
    view = run.site.watch.view()
    early = _early(view, needy)
    return DependencyHold(
        seconds=round(time.monotonic() - started, 2),
        waiting=tuple(sorted(needy - early)),
        early=tuple(sorted(early)),
    )


def _early(view: View, workloads: frozenset[str] | set[str]) -> set[str]:
    """The workloads of which a main container was started."""
    return {
        workload_of(pod)
        for pod in view.all_pods
        if workload_of(pod) in workloads
        and any(_start_of(status) for status in pod["status"].get("containerStatuses", ()))
    }


def _settle(run: _Run, install: Future[Outcome]) -> str:
    """Wait until helm is done and every workload of the release is ready; the reason if the chart itself fails."""
    expected = {
        c.workload
        for c in run.plan.declared.containers
        if not set(c.hook) & set(_DELETE_HOOKS) and c.workload.split("/")[0] != "CronJob"
    }
    jobs_done: set[str] = set()

    def settled(view: View) -> str | None:
        if install.done() and not install.result().ok:
            told = run.site.hidden.redact(install.result().tail)
            return f"helm install ended with exit code {install.result().code}:\n{told}"
        jobs_done.update(f"Job/{job['metadata']['name']}" for job in view.all_jobs if job_condition(job, "Complete"))
        # A Job's pod is ready while it works: only the Job's own word counts.
        ready = {w for pod in view.pods.values() if pod_ready(pod) and not (w := workload_of(pod)).startswith("Job/")}
        return "" if install.done() and expected <= jobs_done | ready else None

    try:
        return run.site.watch.wait("the release to settle", settled, deadline=run.plan.settle, concerns=_is_chart)
    except WorkloadFailedError as failure:
        return str(failure)
    except NotReadyError as failure:
        # Only a container that ended badly is evidence against the chart; a slow machine is none.
        if any(c.exit_code for c in observed(run.site.watch.view(), run.plan.declared)):
            return str(failure)
        raise


def _own_tests(run: _Run) -> OwnTests | None:
    plan = run.plan
    if plan.tests is None or not plan.scenario.own_tests:
        return None
    with run.timed("own tests"):
        return own_tests.run(plan.tests, plan.chart, plan.declared, plan.release, run.site)


def _uninstall(run: _Run, server: DatabaseServer) -> tuple[str, ...]:
    with run.timed("uninstall"):
        outcome = run.site.helm.uninstall(
            run.plan.release, run.site.namespace, timeout=run.plan.uninstall_timeout, cancel=run.site.cancel
        )
        run.calls.append(_call(run.site, "uninstall", outcome))
        run.database[Step.AFTER] = server.state()
    with run.timed("removal of pods"):
        # An uninstall that failed has deleted nothing that would be worth waiting for.
        return _leftovers(run.site.watch, _POD_REMOVAL if outcome.ok else 0.0)


def _leftovers(watch: NamespaceWatch, seconds: float) -> tuple[str, ...]:
    """Jobs and pods of the chart that outlive `seconds`: helm does not wait for the end of a pod."""

    def present(view: View) -> list[str]:
        jobs = [f"Job/{name}" for name, job in view.jobs.items() if _is_chart(job)]
        return sorted(jobs + [f"Pod/{name}" for name, pod in view.pods.items() if _is_chart(pod)])

    def settled(view: View) -> list[str] | None:
        left = present(view)
        ending = [pod for pod in view.pods.values() if _is_chart(pod) and not _is_finished(pod)]
        return left if not left or not ending else None

    found = watch.watch_for(settled, seconds=seconds)
    return tuple(present(watch.view()) if found is None else found)


def runtime_classes(view: View) -> dict[str, str]:
    """The RuntimeClass of every pod that was ever seen, by pod."""
    return {pod["metadata"]["name"]: pod["spec"].get("runtimeClassName", "") for pod in view.all_pods}


def observed(
    view: View, declared: DeclaredChart, last_words: Callable[[Object, Object], str] = lambda _pod, _status: ""
) -> tuple[ObservedContainer, ...]:
    """Every container of the chart that was ever seen, in its last state.

    `last_words` gives what one said at its end, from its pod and its status.
    """
    # The chart renders the CronJob, not the Jobs that its schedule makes.
    scheduled = {f"Job/{job['metadata']['name']}": workload_of(job) for job in view.all_jobs if _is_scheduled(job)}
    return tuple(
        container
        for pod in view.all_pods
        if _is_chart(pod)
        for workload in [workload_of(pod)]
        for container in _containers_of(pod, scheduled.get(workload, workload), declared, last_words)
    )


def _is_scheduled(job: Object) -> bool:
    return workload_of(job).startswith("CronJob/")


def _containers_of(
    pod: Object, workload: str, declared: DeclaredChart, last_words: Callable[[Object, Object], str]
) -> Iterator[ObservedContainer]:
    hooked = any(c.workload == workload and c.hook for c in declared.containers)
    for group, statuses, role in (
        ("initContainers", "initContainerStatuses", Role.INIT),
        ("containers", "containerStatuses", Role.HOOK if hooked else Role.MAIN),
        ("ephemeralContainers", "ephemeralContainerStatuses", Role.EPHEMERAL),
    ):
        known = {status["name"]: status for status in pod.get("status", {}).get(statuses, ())}
        for spec in pod["spec"].get(group, ()):
            status = known.get(spec["name"], {})
            yield _container(pod, workload, spec, status, role, last_words(pod, status))


def _container(  # noqa: PLR0913, PLR0917  (what a container is made of)
    pod: Object, workload: str, spec: Object, status: Object, role: Role, message: str
) -> ObservedContainer:
    states: dict[str, Object] = status.get("state") or {"waiting": {}}
    state_name, state = next(iter(states.items()))
    ended = last_end(status)
    return ObservedContainer(
        pod=pod["metadata"]["name"],
        workload=workload,
        name=spec["name"],
        role=role,
        image=spec.get("image", ""),
        pull_policy=spec.get("imagePullPolicy", ""),
        image_id=status.get("imageID", ""),
        state=state_name,
        reason=state.get("reason", ""),
        message=message,
        exit_code=state.get("exitCode"),
        last_exit_code=ended.get("exitCode"),
        last_reason=ended.get("reason", ""),
        started_at=_start_of(status),
        finished_at=state.get("finishedAt") or "",
        restarts=status.get("restartCount", 0),
    )


def _start_of(status: Object) -> str:
    for state in (status.get("state", {}), status.get("lastState", {})):
        for kind in ("running", "terminated"):
            if state.get(kind, {}).get("startedAt"):
                return str(state[kind]["startedAt"])
    return ""


def _started(pod: Object) -> bool:
    status = pod.get("status", {})
    return any(_start_of(s) for s in [*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())])


def _is_finished(pod: Object) -> bool:
    deleted = "deletionTimestamp" in pod["metadata"]
    return not deleted and pod.get("status", {}).get("phase") in {"Succeeded", "Failed"}


def _is_chart(obj: Object) -> bool:
    return not infrastructure.is_infrastructure(obj)


def _call(site: Site, action: str, outcome: Outcome) -> HelmCall:
    return HelmCall(
        action=action,
        command=" ".join(outcome.argv),
        code=outcome.code,
        seconds=round(outcome.seconds, 2),
        output=site.hidden.redact(outcome.tail),
    )
