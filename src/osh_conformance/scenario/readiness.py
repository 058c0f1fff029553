"""Waiting until a release is what it will be, or is known never to get there."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from osh_conformance.model.observation import DependencyWithheld
from osh_conformance.observe.containers import has_started, is_going, observed, of_chart, start_of
from osh_conformance.observe.pod_status import job_condition, pod_ready, workload_of
from osh_conformance.observe.watch import NotReadyError, WorkloadFailedError

if TYPE_CHECKING:
    from concurrent.futures import Future

    from osh_conformance.model.chart import DeclaredChart
    from osh_conformance.observe.context import CellContext
    from osh_conformance.observe.watch import View
    from osh_conformance.process import Outcome
    from osh_conformance.scenario.state import CellPlan

_HELD_WITHIN = 120.0
_DELETE_HOOKS = ("pre-delete", "post-delete", "test", "test-success", "test-failure", "pre-rollback", "post-rollback")


def held(plan: CellPlan, site: CellContext, install: Future[Outcome], seconds: float) -> DependencyWithheld:
    """Keep the database's Service away until pods wait for it and a while longer; see who waits and who does not."""
    declared = plan.declared
    # A chart without such a key promises no wait.
    promised = "dep_check" in declared.functions.values()
    needy = {c.workload for c in declared.containers_of("db_init")} if promised else set()
    if not needy:
        return DependencyWithheld(seconds=0.0, waiting=(), early=())

    def all_waiting(view: View) -> bool | None:
        if install.done() and not install.result().ok:
            return True
        running = {w for pod in view.pods.values() if (w := workload_of(pod)) in needy and has_started(pod)}
        return True if running >= needy else None

    site.watch.wait("the pods that need the database", all_waiting, deadline=_HELD_WITHIN, concerns=of_chart)
    started = time.monotonic()
    site.watch.watch_for(lambda view: _early(view, needy) or None, seconds=seconds)
    early = _early(site.watch.view(), needy)
    return DependencyWithheld(
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
        and any(start_of(status) for status in pod["status"].get("containerStatuses", ()))
    }


def settled(declared: DeclaredChart, site: CellContext, change: Future[Outcome], seconds: float) -> str:
    """Wait until helm is done and every workload of the release is ready; the reason if the chart itself fails."""
    expected = {
        c.workload
        for c in declared.containers
        if not set(c.hook) & set(_DELETE_HOOKS) and c.workload.split("/")[0] != "CronJob"
    }
    jobs_done: set[str] = set()
    # Of an earlier life of this release.
    old = {job["metadata"]["uid"] for job in site.watch.view().all_jobs} - {
        job["metadata"]["uid"] for job in site.watch.view().jobs.values()
    }

    def all_there(view: View) -> str | None:
        if change.done() and not change.result().ok:
            site.secrets.learn()
            told = site.secrets.redact(change.result().tail)
            return f"helm {change.result().argv[1]} ended with exit code {change.result().code}:\n{told}"
        done = (job for job in view.all_jobs if job_condition(job, "Complete") and job["metadata"]["uid"] not in old)
        jobs_done.update(f"Job/{job['metadata']['name']}" for job in done)
        # A Job's pod is ready while it works: only the Job's own word counts.
        standing = (pod for pod in view.pods.values() if pod_ready(pod) and not is_going(pod))
        ready = {w for pod in standing if not (w := workload_of(pod)).startswith("Job/")}
        return "" if change.done() and expected <= jobs_done | ready else None

    try:
        return site.watch.wait("the release to settle", all_there, deadline=seconds, concerns=of_chart)
    except WorkloadFailedError as failure:
        return str(failure)
    except NotReadyError as failure:
        # Only a container that ended badly is evidence against the chart; a slow machine is none.
        if any(c.exit_code for c in observed(site.watch.view(), declared)):
            return str(failure)
        raise
