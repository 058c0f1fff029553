"""From the API's pods to the containers that the rules judge."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.model.chart import Role
from osh_conformance.model.observation import ObservedContainer
from osh_conformance.observe.pod_status import last_end, workload_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from osh_conformance.model.chart import DeclaredChart
    from osh_conformance.observe.pod_status import Object
    from osh_conformance.observe.watch import View

#: Helm releases of the suite's own infrastructure start with this; no chart under test is called so.
RELEASE_PREFIX = "infrastructure-"


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
    scheduled = {f"Job/{job['metadata']['name']}": workload_of(job) for job in view.all_jobs if is_scheduled(job)}
    return tuple(
        container
        for pod in view.all_pods
        if of_chart(pod)
        for workload in [workload_of(pod)]
        for container in _containers_of(pod, scheduled.get(workload, workload), declared, last_words)
    )


def is_scheduled(job: Object) -> bool:
    """Whether a CronJob made the Job."""
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
        started_at=start_of(status),
        finished_at=state.get("finishedAt") or "",
        restarts=status.get("restartCount", 0),
    )


def start_of(status: Object) -> str:
    """When a container was started last, RFC 3339; "" if it never was."""
    for state in (status.get("state", {}), status.get("lastState", {})):
        for kind in ("running", "terminated"):
            if state.get(kind, {}).get("startedAt"):
                return str(state[kind]["startedAt"])
    return ""


def has_started(pod: Object) -> bool:
    """Whether any container of the pod, init containers among them, was ever started."""
    status = pod.get("status", {})
    return any(start_of(s) for s in [*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())])


def is_finished(pod: Object) -> bool:
    """Whether the pod has ended by itself, and nobody removes it."""
    return not is_going(pod) and pod.get("status", {}).get("phase") in {"Succeeded", "Failed"}


def is_going(pod: Object) -> bool:
    """Whether somebody removes the pod."""
    return "deletionTimestamp" in pod["metadata"]


def of_chart(obj: Object) -> bool:
    """Whether a pod or Job is the chart's, and not the suite's own."""
    return not instance_of(obj).startswith(RELEASE_PREFIX)


def instance_of(obj: Object) -> str:
    """Return the release that an object belongs to by its label, "" without one."""
    return str((obj["metadata"].get("labels") or {}).get("app.kubernetes.io/instance", ""))
