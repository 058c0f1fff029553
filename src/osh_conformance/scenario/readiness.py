"""Waiting until a release is ready, or is known to never become ready."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from osh_conformance.model.observation import DependencyWithheld
from osh_conformance.observe.containers import has_started, is_going, observed, of_chart, refused_pulls, start_of
from osh_conformance.observe.pod_status import job_condition, pod_ready, workload_of
from osh_conformance.observe.watch import NotReadyError, TroubleError, WorkloadFailedError
from osh_conformance.scenario.drop import DELETE_HOOKS

if TYPE_CHECKING:
    from concurrent.futures import Future

    from osh_conformance.model.chart import DeclaredChart
    from osh_conformance.observe.context import CellContext
    from osh_conformance.observe.watch import View
    from osh_conformance.process import Outcome
    from osh_conformance.scenario.state import CellPlan

#: Seconds within which the pods that need the database must wait for it.
_WAITING_WITHIN = 120.0
#: The hooks that run neither at install nor at upgrade, so their workloads never become ready then. More than those
#: that an uninstall runs.
_LATER_HOOKS = DELETE_HOOKS | {"test", "test-success", "test-failure", "pre-rollback", "post-rollback"}


def withhold(plan: CellPlan, context: CellContext, install: Future[Outcome], seconds: float) -> DependencyWithheld:
    """Watch until the pods that need the database wait for it, and `seconds` longer; return which do and do not wait.

    The caller has withheld the database's Service.
    """
    declared = plan.declared
    # A chart without a dep_check key does not promise to wait.
    promised = "dep_check" in declared.functions.values()
    dependent = {c.workload for c in declared.containers_of("db_init")} if promised else set()
    if not dependent:
        return DependencyWithheld(seconds=0.0, waiting=(), early=())

    def all_waiting(view: View) -> bool | None:
        if install.done() and not install.result().ok:
            return True
        running = {w for pod in view.pods.values() if (w := workload_of(pod)) in dependent and has_started(pod)}
        return True if running >= dependent else None

    context.watch.wait("the pods that need the database", all_waiting, deadline=_WAITING_WITHIN, concerns=of_chart)
    started = time.monotonic()
    context.watch.watch_for(lambda view: _early(view, dependent) or None, seconds=seconds)
    early = _early(context.watch.view(), dependent)
    return DependencyWithheld(
        seconds=round(time.monotonic() - started, 2),
        waiting=tuple(sorted(dependent - early)),
        early=tuple(sorted(early)),
    )


def _early(view: View, workloads: frozenset[str] | set[str]) -> set[str]:
    """Return the workloads of which a main container has started."""
    return {
        workload_of(pod)
        for pod in view.all_pods
        if workload_of(pod) in workloads
        and any(start_of(status) for status in pod["status"].get("containerStatuses", ()))
    }


def wait_ready(
    declared: DeclaredChart, context: CellContext, change: Future[Outcome], seconds: float, *, login: bool = False
) -> str:
    """Wait until helm has ended and every workload is ready; return why the chart itself failed, or "".

    `login`: the registry demands one, so a pod without it is a failure of the chart.
    """
    expected = {
        c.workload
        for c in declared.containers
        if not set(c.hook) & _LATER_HOOKS and c.workload.split("/")[0] != "CronJob"
    }
    jobs_done: set[str] = set()
    # The Jobs of an earlier lifetime of this release.
    old = {job["metadata"]["uid"] for job in context.watch.view().all_jobs} - {
        job["metadata"]["uid"] for job in context.watch.view().jobs.values()
    }

    def all_there(view: View) -> str | None:
        if change.done() and not change.result().ok:
            context.secrets.learn()
            output = context.secrets.redact(change.result().tail)
            return f"helm {change.result().argv[1]} ended with exit code {change.result().code}:\n{output}"
        done = (job for job in view.all_jobs if job_condition(job, "Complete") and job["metadata"]["uid"] not in old)
        jobs_done.update(f"Job/{job['metadata']['name']}" for job in done)
        # A Job's pod is ready while it works: only the Job's condition counts.
        pods = (pod for pod in view.pods.values() if pod_ready(pod) and not is_going(pod))
        ready = {w for pod in pods if not (w := workload_of(pod)).startswith("Job/")}
        return "" if change.done() and expected <= jobs_done | ready else None

    try:
        return context.watch.wait("the release to become ready", all_there, deadline=seconds, concerns=of_chart)
    except WorkloadFailedError as failure:
        return str(failure)
    except TroubleError as failure:
        if login and refused_pulls(context.watch.view()):
            return str(failure)
        raise
    except NotReadyError as failure:
        # Only a container that failed is evidence against the chart; a slow machine is none.
        if any(c.exit_code for c in observed(context.watch.view(), declared)):
            return str(failure)
        raise
