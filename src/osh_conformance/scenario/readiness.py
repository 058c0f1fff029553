"""Waiting until a release is ready, or is known to never become ready."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from osh_conformance.errors import SuiteError
from osh_conformance.manifests.vocabulary import words
from osh_conformance.model.observation import DependencyWithheld
from osh_conformance.observe import rollouts
from osh_conformance.observe.containers import has_started, is_going, observed, of_chart, refused_pulls, start_of
from osh_conformance.observe.pod_status import job_condition, pod_ready, workload_of
from osh_conformance.observe.watch import NotReadyError, TroubleError, WorkloadFailedError
from osh_conformance.scenario.drop import DELETE_HOOKS

if TYPE_CHECKING:
    from concurrent.futures import Future

    from osh_conformance.model.chart import DeclaredChart
    from osh_conformance.observe.context import CellContext
    from osh_conformance.observe.pod_status import Object
    from osh_conformance.observe.watch import View
    from osh_conformance.process import Outcome
    from osh_conformance.scenario.state import CellPlan

#: Seconds within which the pods that need the database must wait for it.
_WAITING_WITHIN = 120.0
#: Seconds that helm gets in a reduced run once all that the run waits for is ready: it may wait for another hook.
_HELM_ENDS_WITHIN = 30.0
#: The hooks that run neither at install nor at upgrade, so their workloads never become ready then. More than those
#: that an uninstall runs.
_LATER_HOOKS = DELETE_HOOKS | {"test", "test-success", "test-failure", "pre-rollback", "post-rollback"}


def withhold(plan: CellPlan, context: CellContext, install: Future[Outcome], seconds: float) -> DependencyWithheld:
    """Watch until the pods that need the database wait for it, and `seconds` longer; return which do and do not wait.

    `seconds` are those before the patience with the runtime. The caller has withheld the database's Service.
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

    context.watch.wait(
        "the pods that need the database",
        all_waiting,
        deadline=_WAITING_WITHIN * context.patience,
        concerns=partial(_is_awaited, plan),
    )
    started = time.monotonic()
    context.watch.watch_for(lambda view: _early(view, dependent) or None, seconds=seconds * context.patience)
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
    plan: CellPlan, declared: DeclaredChart, context: CellContext, change: Future[Outcome], action: str = "install"
) -> str:
    """Wait until helm has ended and every workload is ready; return why the chart itself failed, or "".

    `action`: what helm does, `install` or `upgrade`.

    In a reduced run (`plan.waits_for`) only those workloads count: others may fail, and helm, which may wait for one of
    them, has a short time left once they are ready.
    """
    expected = _expected(plan, declared, action)
    jobs_done: set[str] = set()
    # The Jobs of an earlier lifetime of this release.
    old = {job["metadata"]["uid"] for job in context.watch.view().all_jobs} - {
        job["metadata"]["uid"] for job in context.watch.view().jobs.values()
    }
    ready_since: list[float] = []

    def all_there(view: View) -> str | None:
        done = (job for job in view.all_jobs if job_condition(job, "Complete") and job["metadata"]["uid"] not in old)
        jobs_done.update(f"Job/{job['metadata']['name']}" for job in done)
        # A Job's pod is ready while it works: only the Job's condition counts.
        pods = (pod for pod in view.pods.values() if pod_ready(pod) and not is_going(pod))
        ready = {w for pod in pods if not (w := workload_of(pod)).startswith("Job/")}
        complete = expected <= jobs_done | ready
        if complete and action == "upgrade" and change.done():
            # Helm returns before the controllers act, and the pods of the former revision are ready all the time.
            complete = not rollouts.unfinished(context.kube, context.namespace, expected)
        if complete and plan.waits_for is not None:
            ready_since.append(time.monotonic())
            late = ready_since[-1] - ready_since[0] > _HELM_ENDS_WITHIN * context.patience
            return "" if change.done() or late else None
        if change.done() and not change.result().ok:
            context.secrets.learn()
            output = context.secrets.redact(change.result().tail)
            check_answered(change.result().argv[1], output)
            return f"helm {change.result().argv[1]} ended with exit code {change.result().code}:\n{output}"
        return "" if change.done() and complete else None

    try:
        return context.watch.wait(
            "the release to become ready",
            all_there,
            deadline=plan.ready_timeout,
            concerns=partial(_is_awaited, plan),
        )
    except WorkloadFailedError as failure:
        return str(failure)
    except TroubleError as failure:
        # Where the registry demands a login, a pod without it is a failure of the chart.
        if plan.scenario.pull_secret and refused_pulls(context.watch.view()):
            return str(failure)
        raise
    except NotReadyError as failure:
        # Only a container that failed is evidence against the chart; a slow machine is none.
        seen = observed(context.watch.view(), declared)
        if any(c.exit_code for c in seen if plan.waits_for is None or c.workload in expected):
            return str(failure)
        raise


def check_answered(action: str, output: str) -> None:
    """Raise `SuiteError` if helm failed because the cluster did not answer it, which says nothing about the chart."""
    if any(silent in output.lower() for silent in words("cluster")["silent"]):
        raise SuiteError(
            f"helm {action} failed because the cluster did not answer",
            fix="run it again on a machine that does less at the same time, or with a smaller --parallel",
            details=output,
        )


def _expected(plan: CellPlan, declared: DeclaredChart, action: str) -> set[str]:
    """Return the workloads that become ready at an install or upgrade, as far as the plan waits for them.

    Helm waits for the hooks that run; only a reduced run does not always wait for helm.
    """
    reduced = plan.waits_for is not None
    return {
        c.workload
        for c in declared.containers
        if not set(c.hook) & _LATER_HOOKS
        and (not c.hook or (reduced and {f"pre-{action}", f"post-{action}"} & set(c.hook)))
        and c.kind != "CronJob"
        and not c.idle
        and (plan.waits_for is None or c.workload in plan.waits_for)
    }


def _is_awaited(plan: CellPlan, obj: Object) -> bool:
    """Whether a pod or a Job belongs to the chart, and in a reduced run to a workload that the run waits for."""
    # The API does not say which of the two it is.
    names = {workload_of(obj), f"Job/{obj['metadata']['name']}"}
    return of_chart(obj) and (plan.waits_for is None or bool(names & plan.waits_for))
