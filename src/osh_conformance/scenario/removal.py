"""Uninstalling a release: undisturbed, or with a fault in the middle of the drop."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

from osh_conformance.model.observation import Removal
from osh_conformance.model.scenario import ExpectedData
from osh_conformance.observe import usage
from osh_conformance.observe.containers import is_finished, of_chart, start_of
from osh_conformance.observe.pod_status import workload_of
from osh_conformance.scenario import faults, sessions
from osh_conformance.scenario.drop import delete_hooks, drop_pods, drop_workloads, uid_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from osh_conformance.model.observation import HelmCall
    from osh_conformance.model.scenario import UninstallStep
    from osh_conformance.observe.watch import NamespaceWatch, View
    from osh_conformance.process import Outcome
    from osh_conformance.scenario.state import InstalledRelease, ScenarioState

#: Seconds that pods get to end after a successful uninstall: helm does not wait for them.
_PODS_END_WITHIN = 60.0
#: Seconds within which the drop Job must reach the lock that makes it wait.
_DROP_RUNS_WITHIN = 90.0
#: Seconds that a running drop container gets to send its statement, where the server shows no waiting DROP.
_SENDS_WITHIN = 10.0


def uninstall(state: ScenarioState, step: UninstallStep) -> None:
    """Uninstall a release and query the server; while a fault makes that impossible, `recover` queries it later."""
    release = state.releases[step.second]
    lasting = tuple(active.id for active in state.active)
    with state.timed("database queries"):
        populated = state.read_database() if state.readable else state.lifetime.installed
        owned = usage.objects(release.context.kube, release.context.namespace, state.plan.release)
    before = release.context.watch.view()
    state.jobs_before = frozenset(uid_of(job) for job in before.all_jobs)
    with state.timed("uninstall"):
        call, applied = _uninstall(state, release, step)
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
        )
    )
    state.owned_before = owned
    if state.readable:
        observe_result(state, release)


def _expected_data(release: InstalledRelease, step: UninstallStep) -> ExpectedData:
    return ExpectedData.DROPPED if release.drops and step.hooks else ExpectedData.KEPT


def observe_result(state: ScenarioState, release: InstalledRelease) -> None:
    """Record what the server and the namespace hold after the latest uninstall."""
    with state.timed("database queries"):
        after = state.read_database()
    with state.timed("end of pods"):
        # A failed uninstall has deleted no pod, so there is none to wait for.
        succeeded = state.removals[-1].call.code == 0
        leftovers = _leftovers(release.context.watch, _PODS_END_WITHIN if succeeded else 0.0)
    state.removals[-1] = replace(state.removals[-1], after=after, leftovers=leftovers)
    if state.plan.scenario.repeated:
        state.usage.append(usage.read(state.context, after))
        state.context.progress.say(f"       {state.context.title}: uninstalled {len(state.usage)} times")


def _uninstall(state: ScenarioState, release: InstalledRelease, step: UninstallStep) -> tuple[HelmCall, bool]:
    """Call helm; return the call, and whether the step's fault was injected (true where it has none)."""
    if step.inject:
        return _uninstall_with_fault(state, release, step)
    outcome = _helm_uninstall(state, release, hooks=step.hooks)
    return state.record_call("uninstall", outcome, release.context), True


def _helm_uninstall(
    state: ScenarioState, release: InstalledRelease, *, hooks: bool, kill: threading.Event | None = None
) -> Outcome:
    context = release.context
    return context.helm.uninstall(
        state.plan.release,
        context.namespace,
        timeout=state.plan.uninstall_timeout,
        # Helm may wait as long as its timeout once for each hook.
        waits=max(1, len(delete_hooks(state))),
        hooks=hooks,
        cancel=context.cancel,
        kill=kill,
    )


# -- a fault in the middle of a drop ---------------------------------------------------------------------------------


def _uninstall_with_fault(
    state: ScenarioState, release: InstalledRelease, step: UninstallStep
) -> tuple[HelmCall, bool]:
    """Uninstall while a lock makes the drop wait; inject the fault then, and release the lock."""
    kill = threading.Event()
    applied = False
    with ThreadPoolExecutor(max_workers=1) as pool:
        with sessions.locked(state):
            future = pool.submit(_helm_uninstall, state, release, hooks=step.hooks, kill=kill)
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

    def reached(view: View) -> bool | None:
        if ended():
            return False
        for pod in drop_pods(state, view):
            if any("running" in status.get("state", {}) for status in pod["status"].get("containerStatuses", ())):
                running_since.setdefault(pod["metadata"]["name"], time.monotonic())
        if not running_since:
            return None
        if state.server.waiting() or time.monotonic() - max(running_since.values()) > _SENDS_WITHIN:
            return True
        return None

    return bool(release.context.watch.watch_for(reached, seconds=_DROP_RUNS_WITHIN))


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


def _leftovers(watch: NamespaceWatch, seconds: float) -> tuple[str, ...]:
    """Return the chart's Jobs and pods that still exist after `seconds`, as `Kind/name`."""

    def present(view: View) -> list[str]:
        jobs = [f"Job/{name}" for name, job in view.jobs.items() if of_chart(job)]
        return sorted(jobs + [f"Pod/{name}" for name, pod in view.pods.items() if of_chart(pod)])

    def final(view: View) -> list[str] | None:
        left = present(view)
        ending = [pod for pod in view.pods.values() if of_chart(pod) and not is_finished(pod)]
        return left if not left or not ending else None

    found = watch.watch_for(final, seconds=seconds)
    return tuple(present(watch.view()) if found is None else found)
