"""Uninstalling a release: undisturbed, under a fault, and once more after one that failed."""

from __future__ import annotations

import contextlib
import datetime as dt
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from osh_conformance.errors import SuiteError
from osh_conformance.model.observation import FailedUninstall, Removal
from osh_conformance.model.scenario import Do, ExpectedData, ScenarioStep
from osh_conformance.observe import usage
from osh_conformance.observe.containers import is_finished, is_scheduled, of_chart, start_of
from osh_conformance.observe.database import quote_name
from osh_conformance.observe.pod_status import container_statuses, job_condition, workload_of
from osh_conformance.scenario import faults, sessions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from osh_conformance.model.observation import DatabaseState, HelmCall
    from osh_conformance.observe.pod_status import Object
    from osh_conformance.observe.watch import NamespaceWatch, View
    from osh_conformance.process import Outcome
    from osh_conformance.scenario.state import InstalledRelease, ScenarioState

_POD_REMOVAL = 60.0
#: Seconds within which a drop Job of the release has come so far that it waits for the lock that is held.
_UNDER_WAY_WITHIN = 90.0
#: Seconds that a running drop container gets to send its statement, where the server shows none that waits.
_SENDS_WITHIN = 10.0
#: Seconds after a Job's deadline in which the Job controller ends it: pods are given their grace period.
_ENDED_WITHIN = 45.0
#: Helm's own timeout, where nobody gives it another.
_HELM_WAITS = 300.0
_DELETE_HOOKS = frozenset({"pre-delete", "post-delete"})
_TENANT_WAITS = 5
_LOCKED = "ERROR 1205"
#: What somebody else, who uses the release's databases after the failed uninstall, keeps there.
TENANT = "osh_conformance_tenant"


@dataclass(slots=True)
class _Struck:
    """Whether a fault that was to come in the middle of the drop came there."""

    hit: bool = False


def uninstall(run: ScenarioState, step: ScenarioStep) -> None:
    """Uninstall a release, and ask the server; where a fault keeps it from answering, `recover` asks it."""
    release = run.releases[step.second]
    fate = step.fate or (ExpectedData.DROPPED if release.drops and step.hooks else ExpectedData.KEPT)
    standing = tuple(fault.name for fault in run.active)
    with run.timed("questions"):
        populated = run.look() if run.readable else run.of_release.installed
        owned = usage.objects(release.site.kube, release.site.namespace, run.plan.release)
    before = release.site.watch.view()
    run.jobs = frozenset(_uid(job) for job in before.all_jobs)
    with run.timed("uninstall"):
        struck = _Struck(hit=not step.strike)
        call = _struck_uninstall(run, release, step, struck) if step.strike else _uninstalled(run, release, step)
    removal = Removal(
        life=release.life,
        fate=fate,
        call=call,
        populated=populated,
        after=populated,
        struck=", ".join((*standing, *([step.strike] if step.strike else []))),
        hit=struck.hit,
        reachable=all(fault.reachable for fault in run.active),
        ran=_started(_drop_workloads(run), before, release.site.watch.view()),
    )
    run.removals.append(removal)
    run.owned = owned
    if run.readable:
        _ask(run, release)


def _ask(run: ScenarioState, release: InstalledRelease) -> None:
    """See what the server and the namespace hold after the latest uninstall."""
    with run.timed("questions"):
        after = run.look()
    with run.timed("removal of pods"):
        # An uninstall that failed has deleted nothing that would be worth waiting for.
        ok = run.removals[-1].call.code == 0
        left = _leftovers(release.site.watch, _POD_REMOVAL if ok else 0.0)
    run.removals[-1] = replace(run.removals[-1], after=after, leftovers=left)
    if run.plan.scenario.repeated:
        run.gauges.append(usage.read(run.site, after))
        run.site.progress.say(f"       {run.site.title}: removed {len(run.gauges)} times")


def _waits(run: ScenarioState) -> int:
    """How often helm may wait as long as its timeout: once for each hook."""
    return max(1, len(_delete_hooks(run)))


def _uninstalled(run: ScenarioState, release: InstalledRelease, step: ScenarioStep) -> HelmCall:
    outcome = release.site.helm.uninstall(
        run.plan.release,
        release.site.namespace,
        timeout=run.plan.uninstall_timeout,
        waits=_waits(run),
        hooks=step.hooks,
        cancel=release.site.cancel,
    )
    return run.note("uninstall", outcome, release.site)


# -- a fault in the middle of a drop ---------------------------------------------------------------------------------


def _struck_uninstall(run: ScenarioState, release: InstalledRelease, step: ScenarioStep, struck: _Struck) -> HelmCall:
    """Uninstall while a lock makes the drop wait; strike then, and let the lock go."""
    kill = threading.Event()

    def go() -> Outcome:
        return release.site.helm.uninstall(
            run.plan.release,
            release.site.namespace,
            timeout=run.plan.uninstall_timeout,
            waits=_waits(run),
            cancel=release.site.cancel,
            kill=kill,
        )

    with ThreadPoolExecutor(max_workers=1) as pool:
        with sessions.locked(run):
            future = pool.submit(go)
            try:
                if _under_way(run, release, future.done):
                    struck.hit = True
                    run.kill_helm = kill.set
                    faults.strike(run, step.strike)
            except BaseException:
                kill.set()
                raise
        return run.note("uninstall", future.result(), release.site, killed=kill.is_set())


def _under_way(run: ScenarioState, release: InstalledRelease, ended: Callable[[], bool]) -> bool:
    """Wait until the server has a DROP that waits, or a drop container runs long enough to have sent it."""
    running_since: dict[str, float] = {}

    def reached(view: View) -> bool | None:
        if ended():
            return False
        for pod in drop_pods(run, view):
            if any("running" in status.get("state", {}) for status in pod["status"].get("containerStatuses", ())):
                running_since.setdefault(pod["metadata"]["name"], time.monotonic())
        if not running_since:
            return None
        if run.server.waiting() or time.monotonic() - max(running_since.values()) > _SENDS_WITHIN:
            return True
        return None

    return bool(release.site.watch.watch_for(reached, seconds=_UNDER_WAY_WITHIN))


def drop_pods(run: ScenarioState, view: View) -> list[Object]:
    """The pods that drop, and are not gone."""
    return _pods_of(_drop_workloads(run), view)


def _removing_pods(run: ScenarioState, view: View) -> list[Object]:
    return _pods_of(_removing_workloads(run, view), view)


def _pods_of(workloads: set[str], view: View) -> list[Object]:
    return [pod for pod in view.pods.values() if workload_of(pod) in workloads and not is_finished(pod)]


def _started(workloads: set[str], before: View, now: View) -> tuple[str, ...]:
    """The main containers of these workloads that were started in new pods."""
    old = {_uid(pod) for pod in before.all_pods}
    new = [pod for pod in now.all_pods if workload_of(pod) in workloads and _uid(pod) not in old]
    started = {
        f"{workload_of(pod)} {status['name']}"
        for pod in new
        for status in pod["status"].get("containerStatuses", ())
        if start_of(status)
    }
    return tuple(sorted(started))


def _drop_workloads(run: ScenarioState) -> set[str]:
    return {c.workload for c in run.plan.declared.containers_of("db_drop")}


def _delete_hooks(run: ScenarioState) -> set[str]:
    return {c.workload for c in run.plan.declared.containers if set(c.hook) & _DELETE_HOOKS}


def _removing_workloads(run: ScenarioState, view: View) -> set[str]:
    """Whatever an uninstall starts: a chart may clean up before it drops, on the same server.

    What was rendered before is not all: a Job may have another name in each revision.
    """
    begun = {
        f"Job/{job['metadata']['name']}"
        for job in view.all_jobs
        if of_chart(job) and not is_scheduled(job) and _uid(job) not in run.jobs
    }
    return _delete_hooks(run) | _drop_workloads(run) | begun


def _uid(obj: Object) -> str:
    return str(obj["metadata"]["uid"])


# -- after an uninstall that failed ----------------------------------------------------------------------------------


def recover(run: ScenarioState, step: ScenarioStep) -> None:
    """Where the uninstall failed: wait the Job's time out, repair, watch, and uninstall again, as DROP-6 states it."""
    release, removal = run.releases[False], run.removals[-1]
    failed = removal.call.code != 0
    deadline, unfinished = _outlasted(run, release) if failed else (None, ())
    stood = run.look() if failed and run.readable else removal.populated
    with run.timed("repair"):
        faults.repair_all(run)
    _ask(run, release)
    if not failed:
        return
    left = set(usage.objects(release.site.kube, release.site.namespace, run.plan.release))
    began = _settled_in(run, run.lives[release.life].databases)
    acted = _watched(run, release, step.seconds)
    aftermath = FailedUninstall(
        timeout=float(run.plan.uninstall_timeout),
        deadline=deadline,
        missing=tuple(sorted(set(run.owned) - left)),
        unfinished=unfinished,
        acted=acted,
        watched=step.seconds,
        watch_began=began,
        watch_ended=run.look(),
        tenant=TENANT,
        stood=stood,
        told=_told(run, release),
    )
    run.removals[-1] = replace(run.removals[-1], aftermath=aftermath)
    uninstall(run, ScenarioStep(do=Do.UNINSTALL, fate=removal.fate))
    run.removals[-1] = replace(run.removals[-1], again=True, struck="")


def _outlasted(run: ScenarioState, release: InstalledRelease) -> tuple[float | None, tuple[str, ...]]:
    """Wait until the drop Jobs have ended, at most until their own deadlines; those that still could act then.

    A deadline beyond what helm waits by itself is as good as none: nobody would wait for it.
    """
    jobs = _removing_jobs(run, release.site.watch.view())
    deadlines = [d for job in jobs if (d := job["spec"].get("activeDeadlineSeconds")) is not None]
    bound = [_seconds_left(job) + _ENDED_WITHIN for job in jobs if "activeDeadlineSeconds" in job["spec"]]
    with run.timed("the Job's own time"):
        release.site.watch.watch_for(
            lambda view: None if any(not _has_ended(job) for job in _removing_jobs(run, view)) else True,
            seconds=min(max(bound, default=0.0), max(_HELM_WAITS, run.plan.uninstall_timeout) + _ENDED_WITHIN),
        )
    unfinished = [job for job in _removing_jobs(run, release.site.watch.view()) if not _has_ended(job)]
    return (
        max(deadlines, default=None),
        tuple(sorted(f"Job/{job['metadata']['name']}" for job in unfinished)),
    )


def _removing_jobs(run: ScenarioState, view: View) -> list[Object]:
    workloads = _removing_workloads(run, view)
    return [job for name, job in view.jobs.items() if f"Job/{name}" in workloads]


def _has_ended(job: Object) -> bool:
    return bool(job_condition(job, "Complete") or job_condition(job, "Failed"))


def _seconds_left(job: Object) -> float:
    begun = (job.get("status") or {}).get("startTime")
    deadline = float(job["spec"]["activeDeadlineSeconds"])
    if not begun:
        return deadline
    since = dt.datetime.now(dt.UTC) - dt.datetime.fromisoformat(begun)
    return max(0.0, deadline - since.total_seconds())


def _watched(run: ScenarioState, release: InstalledRelease, seconds: float) -> tuple[str, ...]:
    """Watch for some seconds; the containers of drop Jobs that ran meanwhile."""
    active: set[str] = set()

    def acts(view: View) -> None:
        for pod in _removing_pods(run, view):
            active.update(
                f"{workload_of(pod)} {status['name']}"
                for status in container_statuses(pod)
                if "running" in status.get("state", {})
            )

    with run.timed("watch after the failure"):
        release.site.watch.watch_for(acts, seconds=seconds)
    return tuple(sorted(active))


def _settled_in(run: ScenarioState, databases: tuple[str, ...]) -> DatabaseState:
    """Somebody who installs the service again: its databases are there, and hold something."""
    with _unless_locked():
        for name in databases:
            _move_in(run, name)
    return run.look()


@contextlib.contextmanager
def _unless_locked() -> Iterator[None]:
    """Nobody can use a database in which the server still has a DROP that waits: it shows in the server's state."""
    try:
        yield
    except SuiteError as error:
        if _LOCKED not in error.details:
            raise


def _move_in(run: ScenarioState, name: str) -> None:
    table = f"{quote_name(name)}.{TENANT}"
    waits = f"SET SESSION lock_wait_timeout = {_TENANT_WAITS};"
    # A drop that failed midway may have left the table of an earlier turn.
    run.server.change(f"{waits} CREATE DATABASE IF NOT EXISTS {quote_name(name)};")
    run.server.change(f"{waits} CREATE OR REPLACE TABLE {table} (id INT PRIMARY KEY);")
    run.server.change(f"{waits} INSERT INTO {table} VALUES (1), (2), (3);")  # noqa: S608 - names are quoted


def _told(run: ScenarioState, release: InstalledRelease) -> dict[str, str]:
    view = release.site.watch.view()
    workloads = _removing_workloads(run, view)
    names = {pod["metadata"]["name"] for pod in view.all_pods if workload_of(pod) in workloads}
    redact = release.site.secrets.redact
    return {
        key: redact(text) for key, text in sorted(release.site.watch.logs.items()) if key.partition(" ")[0] in names
    }


# -- what is left ----------------------------------------------------------------------------------------------------


def _leftovers(watch: NamespaceWatch, seconds: float) -> tuple[str, ...]:
    """Jobs and pods of the chart that outlive `seconds`: helm does not wait for the end of a pod."""

    def present(view: View) -> list[str]:
        jobs = [f"Job/{name}" for name, job in view.jobs.items() if of_chart(job)]
        return sorted(jobs + [f"Pod/{name}" for name, pod in view.pods.items() if of_chart(pod)])

    def settled(view: View) -> list[str] | None:
        left = present(view)
        ending = [pod for pod in view.pods.values() if of_chart(pod) and not is_finished(pod)]
        return left if not left or not ending else None

    found = watch.watch_for(settled, seconds=seconds)
    return tuple(present(watch.view()) if found is None else found)
