"""The workloads, pods and Jobs that drop, and those that an uninstall starts besides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.observe.containers import is_finished, is_scheduled, of_chart
from osh_conformance.observe.pod_status import workload_of

if TYPE_CHECKING:
    from osh_conformance.observe.pod_status import Object
    from osh_conformance.observe.watch import View
    from osh_conformance.scenario.state import ScenarioState

#: The hooks that Helm runs, and waits for, when it uninstalls.
DELETE_HOOKS = frozenset({"pre-delete", "post-delete"})


def drop_workloads(state: ScenarioState) -> set[str]:
    """Return the workloads that drop, as `Kind/name`."""
    return {container.workload for container in state.plan.declared.containers_of("db_drop")}


def drop_pods(state: ScenarioState, view: View) -> list[Object]:
    """Return the pods that drop and have not ended."""
    return _pods_of(drop_workloads(state), view)


def delete_hooks(state: ScenarioState) -> set[str]:
    """Return the workloads that Helm starts when it uninstalls, as `Kind/name`."""
    return {container.workload for container in state.plan.declared.containers if set(container.hook) & DELETE_HOOKS}


def started_workloads(state: ScenarioState, view: View) -> set[str]:
    """Return every workload that the latest uninstall started: a chart may clean up before it drops.

    The rendered chart does not name all of them: a Job may have a new name in each revision.
    """
    new = {
        f"Job/{job['metadata']['name']}"
        for job in view.all_jobs
        if of_chart(job) and not is_scheduled(job) and uid_of(job) not in state.jobs_before
    }
    return delete_hooks(state) | drop_workloads(state) | new


def started_pods(state: ScenarioState, view: View) -> list[Object]:
    """Return the pods of `started_workloads` that have not ended."""
    return _pods_of(started_workloads(state, view), view)


def remember_objects(state: ScenarioState, view: View) -> None:
    """Remember what exists before an uninstall, so that what it starts can be told from that."""
    state.jobs_before = frozenset(uid_of(job) for job in view.all_jobs)
    state.pods_before = frozenset(uid_of(pod) for pod in view.all_pods)


def new_pods(state: ScenarioState, view: View) -> list[Object]:
    """Return every pod of `started_workloads` that did not exist before the latest uninstall, also if it is gone."""
    workloads = started_workloads(state, view)
    return [pod for pod in view.all_pods if workload_of(pod) in workloads and uid_of(pod) not in state.pods_before]


def started_jobs(state: ScenarioState, view: View) -> list[Object]:
    """Return the Jobs of `started_workloads`."""
    workloads = started_workloads(state, view)
    return [job for name, job in view.jobs.items() if f"Job/{name}" in workloads]


def uid_of(obj: Object) -> str:
    """Return the uid of an API object."""
    return str(obj["metadata"]["uid"])


def _pods_of(workloads: set[str], view: View) -> list[Object]:
    return [pod for pod in view.pods.values() if workload_of(pod) in workloads and not is_finished(pod)]
