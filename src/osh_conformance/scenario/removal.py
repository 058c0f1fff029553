"""Uninstalling a release: undisturbed, or with a fault in the middle of the drop."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

from osh_conformance.model.observation import Moment, Removal
from osh_conformance.model.scenario import ExpectedData
from osh_conformance.observe import usage
from osh_conformance.observe.containers import is_finished, of_chart, start_of
from osh_conformance.observe.logs import ends_of_logs
from osh_conformance.observe.pod_status import workload_of
from osh_conformance.scenario import belongings, early_end, faults, outside, readiness, sessions
from osh_conformance.scenario.drop import delete_hooks, drop_pods, drop_workloads, new_pods, remember_objects, uid_of
from osh_conformance.scenario.helm_test import tests_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from osh_conformance.model.observation import DatabaseState, HelmCall
    from osh_conformance.model.scenario import UninstallStep
    from osh_conformance.observe.attempts import RepeatedFailure
    from osh_conformance.observe.pod_status import Object
    from osh_conformance.observe.watch import NamespaceWatch, View
    from osh_conformance.scenario.state import InstalledRelease, ScenarioState

#: Seconds that pods get to end after a successful uninstall: helm does not wait for them.
_PODS_END_WITHIN = 60.0
#: Seconds within which the drop Job must reach the lock that makes it wait.
_DROP_RUNS_WITHIN = 90.0
#: Seconds that a running drop container gets to send its statement, where the server shows no waiting DROP.
_SENDS_WITHIN = 10.0
#: The last lines that are kept of what each container of the drop printed.
_LINES = 100


def uninstall(state: ScenarioState, step: UninstallStep) -> None:
    """Uninstall a release and query the server; while a fault makes that impossible, `recover` queries it later."""
    release = state.releases[step.second]
    lasting = tuple(active.id for active in state.active)
    looked = state.readable
    with state.timed("database queries"):
        populated = _populated(state)
        if _mark_late_ones(state, release, populated):
            populated = state.read_database()
        belongings.add_later(state, release.lifetime, populated)
        owned = usage.objects(release.context.kube, release.context.namespace, state.plan.release)
    before = release.context.watch.view()
    remember_objects(state, before)
    with state.timed("uninstall"):
        call, applied, failure = _uninstall(state, release, step)
    if call.code and not state.plan.scenario.faults:
        readiness.check_answered("uninstall", call.output)
    state.removals.append(
        Removal(
            lifetime=release.lifetime,
            expected_data=step.expected_data or _expected_data(release, step),
            call=call,
            populated=populated,
            after=populated,
            faults=(*lasting, *([step.inject] if step.inject else [])),
            fault_applied=applied,
            reachable=all(active.kind.reachable for active in state.active),
            ran=_started_containers(drop_workloads(state), before, release.context.watch.view()),
            repeated_failure=release.context.secrets.redact(failure.line) if failure else "",
            repeated_by=failure.words if failure else "",
            looked=looked,
        )
    )
    state.owned_before = owned
    if state.readable:
        observe_result(state, release)
    pods = new_pods(state, release.context.watch.view())
    logs = ends_of_logs(release.context, pods, _LINES)
    state.removals[-1] = replace(state.removals[-1], logs=logs)


def _populated(state: ScenarioState) -> DatabaseState:
    """Return what the server holds before an uninstall, as late as the suite can read it."""
    return state.read_database() if state.readable else state.last_read or state.lifetime.installed


def _mark_late_ones(state: ScenarioState, release: InstalledRelease, now: DatabaseState) -> bool:
    """In a reduced run, put a row into each empty database that appeared after the install step marked the others.

    `now` is what the server holds; return whether that has changed.
    """
    if state.plan.waits_for is None or state.active:
        return False
    lifetime = state.lifetimes[release.lifetime]
    late = set(now.databases) - set(lifetime.before.databases) - set(lifetime.installed.databases)
    empty = [name for name in sorted(late) if not now.databases[name]]
    for name in empty:
        belongings.put_mark(state, name)
    return bool(empty)


def _expected_data(release: InstalledRelease, step: UninstallStep) -> ExpectedData:
    return ExpectedData.DROPPED if release.drops and step.hooks else ExpectedData.KEPT


def observe_result(state: ScenarioState, release: InstalledRelease) -> None:
    """Record what the server and the namespace hold after the latest uninstall."""
    # A drop has ended when helm has. What must stay must also survive the end of the service.
    kept = state.removals[-1].expected_data is not ExpectedData.DROPPED
    after = None if kept else _read(state)
    outside.record(state, Moment.AFTER)
    with state.timed("end of pods"):
        # A failed uninstall has deleted no pod, so there is none to wait for.
        succeeded = state.removals[-1].call.code == 0
        seconds = _PODS_END_WITHIN * release.context.patience if succeeded else 0.0
        leftovers = _leftovers(release.context.watch, seconds, _ignored(state))
    after = after or _read(state)
    state.removals[-1] = replace(state.removals[-1], after=after, leftovers=leftovers)
    if state.plan.scenario.repeated:
        seen = state.outside.get(Moment.AFTER)
        state.usage.append(usage.read(state.context, after, seen.queue if seen else None))
        state.context.progress.say(f"       {state.context.title}: uninstalled {len(state.usage)} times")


def _read(state: ScenarioState) -> DatabaseState:
    with state.timed("database queries"):
        return state.read_database()


def _uninstall(
    state: ScenarioState, release: InstalledRelease, step: UninstallStep
) -> tuple[HelmCall, bool, RepeatedFailure | None]:
    """Call helm.

    Return the call, whether the step's fault was injected (true where it has none), and the failure that a container
    of it repeated.
    """
    if step.inject:
        return (*_uninstall_with_fault(state, release, step), None)
    timeout = state.plan.uninstall_timeout
    outcome, failure = early_end.uninstall(state, release, hooks=step.hooks, timeout=timeout)
    return state.record_call("uninstall", outcome, release.context), True, failure


# -- a fault in the middle of a drop ---------------------------------------------------------------------------------


def _uninstall_with_fault(
    state: ScenarioState, release: InstalledRelease, step: UninstallStep
) -> tuple[HelmCall, bool]:
    """Uninstall while a lock makes the drop wait; inject the fault then, and release the lock."""
    kill = threading.Event()
    applied = False
    with ThreadPoolExecutor(max_workers=1) as pool:
        with sessions.locked(state):
            future = pool.submit(
                early_end.helm_uninstall,
                state,
                release,
                hooks=step.hooks,
                timeout=state.plan.uninstall_timeout,
                cancel=release.context.cancel,
                kill=kill,
            )
            try:
                if _drop_runs(state, release, future.done):
                    applied = True
                    state.kill_helm = kill.set
                    faults.inject(state, step.inject)
            except BaseException:
                kill.set()
                raise
        call = state.record_call("uninstall", future.result(), release.context, killed=kill.is_set())
    return call, applied


def _drop_runs(state: ScenarioState, release: InstalledRelease, ended: Callable[[], bool]) -> bool:
    """Wait until the server has a waiting DROP, or a drop container has run long enough to have sent it."""
    running_since: dict[str, float] = {}
    patience = release.context.patience

    def reached(view: View) -> bool | None:
        if ended():
            return False
        for pod in drop_pods(state, view):
            if any("running" in status.get("state", {}) for status in pod["status"].get("containerStatuses", ())):
                running_since.setdefault(pod["metadata"]["name"], time.monotonic())
        if not running_since:
            return None
        if state.server.waiting() or time.monotonic() - max(running_since.values()) > _SENDS_WITHIN * patience:
            return True
        return None

    return bool(release.context.watch.watch_for(reached, seconds=_DROP_RUNS_WITHIN * patience))


# -- what an uninstall started and left ------------------------------------------------------------------------------


def _started_containers(workloads: set[str], before: View, now: View) -> tuple[str, ...]:
    """Return the main containers of these workloads that started in new pods, as `Kind/name container`."""
    old = {uid_of(pod) for pod in before.all_pods}
    new = [pod for pod in now.all_pods if workload_of(pod) in workloads and uid_of(pod) not in old]
    started = {
        f"{workload_of(pod)} {status['name']}"
        for pod in new
        for status in pod["status"].get("containerStatuses", ())
        if start_of(status)
    }
    return tuple(sorted(started))


def _ignored(state: ScenarioState) -> frozenset[str]:
    """Return the workloads that may outlive an uninstall.

    Helm keeps the pods of `helm test`, unless their hook policy deletes them, and those of hooks that never end, for
    which a reduced run does not wait.
    """
    plan = state.plan
    if plan.waits_for is None:
        return tests_of(plan)
    judged = plan.waits_for | delete_hooks(state) | drop_workloads(state)
    return tests_of(plan) | {each.workload for each in plan.declared.containers if each.workload not in judged}


def _leftovers(watch: NamespaceWatch, seconds: float, ignored: frozenset[str]) -> tuple[str, ...]:
    """Return the chart's Jobs and pods that still exist after `seconds`, as `Kind/name`, without those of `ignored`."""

    def pods(view: View) -> dict[str, Object]:
        return {name: pod for name, pod in view.pods.items() if of_chart(pod) and workload_of(pod) not in ignored}

    def present(view: View) -> list[str]:
        jobs = {f"Job/{name}" for name, job in view.jobs.items() if of_chart(job)} - ignored
        return sorted([*jobs, *(f"Pod/{name}" for name in pods(view))])

    def final(view: View) -> list[str] | None:
        left = present(view)
        ending = [pod for pod in pods(view).values() if not is_finished(pod)]
        return left if not left or not ending else None

    found = watch.watch_for(final, seconds=seconds)
    return tuple(present(watch.view()) if found is None else found)
