"""After an uninstall that failed: wait, repair, watch the server, and uninstall again."""

from __future__ import annotations

import contextlib
import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING

from osh_conformance.cluster.helm import DEFAULT_TIMEOUT
from osh_conformance.errors import SuiteError
from osh_conformance.model.observation import SUITE_TABLES, FailedUninstall
from osh_conformance.model.scenario import UninstallStep
from osh_conformance.observe import usage
from osh_conformance.observe.database import LOCK_WAIT, LOCKED, quote_name
from osh_conformance.observe.pod_status import container_statuses, job_condition, workload_of
from osh_conformance.scenario import faults, removal
from osh_conformance.scenario.drop import started_jobs, started_pods, started_workloads

if TYPE_CHECKING:
    from collections.abc import Iterator

    from osh_conformance.model.observation import DatabaseState
    from osh_conformance.model.scenario import RecoverStep
    from osh_conformance.observe.pod_status import Object
    from osh_conformance.observe.watch import View
    from osh_conformance.scenario.state import InstalledRelease, ScenarioState

#: Seconds after its deadline in which the Job controller ends a Job: pods get their grace period.
_ENDED_WITHIN = 45.0
#: The table of another service, which uses the release's databases after the failed uninstall.
TENANT = f"{SUITE_TABLES}tenant"


def recover(state: ScenarioState, step: RecoverStep) -> None:
    """Collect the evidence for DROP-6 after a failed uninstall. After a successful one, only repair the faults."""
    release, failed_removal = state.releases[False], state.removals[-1]
    failed = failed_removal.call.code != 0
    deadline, unfinished = _wait_for_deadlines(state, release) if failed else (None, ())
    before_repair = state.read_database() if failed and state.readable else failed_removal.populated
    with state.timed("repair"):
        faults.repair_all(state)
    removal.observe_result(state, release)
    if not failed:
        return
    remaining = set(usage.objects(release.context.kube, release.context.namespace, state.plan.release))
    began = _use_databases(state, state.lifetimes[release.lifetime].databases)
    acted = _watch(state, release, step.seconds)
    failure = FailedUninstall(
        timeout=float(state.plan.uninstall_timeout),
        deadline=deadline,
        missing=tuple(sorted(set(state.owned_before) - remaining)),
        unfinished=unfinished,
        acted=acted,
        watched=step.seconds,
        watch_began=began,
        watch_ended=state.read_database(),
        before_repair=before_repair,
        logs=_logs(state, release),
    )
    state.removals[-1] = replace(state.removals[-1], failure=failure)
    removal.uninstall(state, UninstallStep(expected_data=failed_removal.expected_data))
    state.removals[-1] = replace(state.removals[-1], is_retry=True, faults=())


def _wait_for_deadlines(state: ScenarioState, release: InstalledRelease) -> tuple[float | None, tuple[str, ...]]:
    """Wait until the started Jobs have ended, at most until their own deadlines.

    Returns the longest deadline in seconds (None: no Job has one), and the Jobs that could still act after it, as
    `Job/name`. A deadline beyond helm's own timeout counts as none: no operator waits for it.
    """
    watch = release.context.watch
    jobs = started_jobs(state, watch.view())
    deadlines = [seconds for job in jobs if (seconds := job["spec"].get("activeDeadlineSeconds")) is not None]
    bounds = [_seconds_left(job) + _ENDED_WITHIN for job in jobs if "activeDeadlineSeconds" in job["spec"]]

    def all_ended(view: View) -> bool | None:
        return True if all(_has_ended(job) for job in started_jobs(state, view)) else None

    with state.timed("Job deadlines"):
        longest = max(DEFAULT_TIMEOUT, state.plan.uninstall_timeout) + _ENDED_WITHIN
        watch.watch_for(all_ended, seconds=min(max(bounds, default=0.0), longest))
    unfinished = [job for job in started_jobs(state, watch.view()) if not _has_ended(job)]
    return max(deadlines, default=None), tuple(sorted(f"Job/{job['metadata']['name']}" for job in unfinished))


def _has_ended(job: Object) -> bool:
    return bool(job_condition(job, "Complete") or job_condition(job, "Failed"))


def _seconds_left(job: Object) -> float:
    started = (job.get("status") or {}).get("startTime")
    deadline = float(job["spec"]["activeDeadlineSeconds"])
    if not started:
        return deadline
    since = dt.datetime.now(dt.UTC) - dt.datetime.fromisoformat(started)
    return max(0.0, deadline - since.total_seconds())


def _watch(state: ScenarioState, release: InstalledRelease, seconds: float) -> tuple[str, ...]:
    """Watch for some seconds; return the containers of the uninstall that ran in them."""
    active: set[str] = set()

    def collect(view: View) -> None:
        for pod in started_pods(state, view):
            active.update(
                f"{workload_of(pod)} {status['name']}"
                for status in container_statuses(pod)
                if "running" in status.get("state", {})
            )

    with state.timed("watch after failure"):
        release.context.watch.watch_for(collect, seconds=seconds)
    return tuple(sorted(active))


def _use_databases(state: ScenarioState, databases: tuple[str, ...]) -> DatabaseState:
    """Use the release's databases as another service: they exist, and have rows. Return what the server has then."""
    with _ignore_locks():
        for name in databases:
            _use_database(state, name)
    return state.read_database()


@contextlib.contextmanager
def _ignore_locks() -> Iterator[None]:
    """Ignore a database that a waiting DROP still locks: the server's state shows that DROP."""
    try:
        yield
    except SuiteError as error:
        if LOCKED not in error.details:
            raise


def _use_database(state: ScenarioState, name: str) -> None:
    table = f"{quote_name(name)}.{TENANT}"
    lock_wait = f"SET SESSION lock_wait_timeout = {LOCK_WAIT};"
    # A drop that failed midway may have left the table of an earlier round.
    state.server.change(f"{lock_wait} CREATE DATABASE IF NOT EXISTS {quote_name(name)};")
    state.server.change(f"{lock_wait} CREATE OR REPLACE TABLE {table} (id INT PRIMARY KEY);")
    state.server.change(f"{lock_wait} INSERT INTO {table} VALUES (1), (2), (3);")  # noqa: S608 - names are quoted


def _logs(state: ScenarioState, release: InstalledRelease) -> dict[str, str]:
    """Return what the containers of the uninstall printed, by `pod container`, without secrets."""
    watch = release.context.watch
    view = watch.view()
    workloads = started_workloads(state, view)
    pods = {pod["metadata"]["name"] for pod in view.all_pods if workload_of(pod) in workloads}
    redact = release.context.secrets.redact
    return {key: redact(text) for key, text in sorted(watch.logs.items()) if key.partition(" ")[0] in pods}
