"""The containers of a chart's pods, as the rules need them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from osh_conformance.model.chart import Role
from osh_conformance.model.observation import ObservedContainer, PodNode
from osh_conformance.observe.pod_status import container_statuses, last_end, workload_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from osh_conformance.model.chart import DeclaredChart
    from osh_conformance.observe.pod_status import Object
    from osh_conformance.observe.watch import View

#: The prefix of the Helm releases of the suite's own infrastructure; no chart under test has such a name.
INFRASTRUCTURE_PREFIX = "infrastructure-"
#: The label with an object's release.
RELEASE_LABEL = "app.kubernetes.io/instance"
#: The reason of kubelet's events about a pull that failed.
_FAILED = "Failed"
#: Words of a registry or of the CRI where a login is missing or wrong.
_NO_LOGIN = ("unauthorized", "authorization", "no basic auth credentials")
#: References, addresses and paths in a message: their names, ports and digests are no words of a registry.
_NAMES = re.compile(r"""\b(image|reference) \\?"[^"\s]*"|[^\s"'(){},[\]]*[/@][^\s"'(){},[\]]*""")


def runtime_classes(view: View) -> dict[str, str]:
    """Return the RuntimeClass of every pod of the watch, deleted ones included, by pod name."""
    return {pod["metadata"]["name"]: pod["spec"].get("runtimeClassName", "") for pod in view.all_pods}


def pod_nodes(view: View, runtime_of: Callable[[str], str], handlers: Mapping[str, str]) -> tuple[PodNode, ...]:
    """Return where each pod of the chart ran, deleted ones included; a pod that no node got is none of them.

    `runtime_of` returns what a node reports, `handlers` are those of the RuntimeClasses by their names.
    """
    return tuple(
        PodNode(
            pod=pod["metadata"]["name"],
            node=node,
            runtime=runtime_of(node),
            handler=handlers.get(pod["spec"].get("runtimeClassName", ""), ""),
        )
        for pod in view.all_pods
        if of_chart(pod) and (node := pod["spec"].get("nodeName", ""))
    )


def refused_pulls(view: View) -> tuple[str, ...]:
    """Return the names of the chart's pods for which a registry refused a pull, because they had no login for it.

    A pod's last status may no longer show that: the events do.
    """
    said = [(pod["metadata"]["name"], status) for pod in view.all_pods for status in container_statuses(pod)]
    texts = [(pod, status.get("state", {}).get("waiting", {}).get("message", "")) for pod, status in said]
    failed = (event for event in view.events if event.get("reason") == _FAILED)
    texts += [(event["involvedObject"].get("name", ""), event.get("message") or "") for event in failed]
    refused = {pod for pod, text in texts if _wants_login(text.lower())}
    return tuple(sorted(refused & {pod["metadata"]["name"] for pod in view.all_pods if of_chart(pod)}))


def _wants_login(message: str) -> bool:
    said = _NAMES.sub("", message)
    return "pull" in message and any(word in said for word in _NO_LOGIN)


def observed(
    view: View, declared: DeclaredChart, last_words: Callable[[Object, Object], str] = lambda _pod, _status: ""
) -> tuple[ObservedContainer, ...]:
    """Return the last state of every container of the chart, those of deleted pods included.

    `last_words` returns the last message of a container, from its pod and its status.
    """
    # The chart renders the CronJob, not the Jobs that the CronJob creates.
    scheduled = {f"Job/{job['metadata']['name']}": workload_of(job) for job in view.all_jobs if is_scheduled(job)}
    return tuple(
        container
        for pod in view.all_pods
        if of_chart(pod)
        for workload in [workload_of(pod)]
        for container in _containers_of(pod, scheduled.get(workload, workload), declared, last_words)
    )


def is_scheduled(job: Object) -> bool:
    """Whether a CronJob created the Job."""
    return workload_of(job).startswith("CronJob/")


def _containers_of(
    pod: Object, workload: str, declared: DeclaredChart, last_words: Callable[[Object, Object], str]
) -> Iterator[ObservedContainer]:
    is_hook = any(c.workload == workload and c.hook for c in declared.containers)
    for group, statuses, role in (
        ("initContainers", "initContainerStatuses", Role.INIT),
        ("containers", "containerStatuses", Role.HOOK if is_hook else Role.MAIN),
        ("ephemeralContainers", "ephemeralContainerStatuses", Role.EPHEMERAL),
    ):
        known = {status["name"]: status for status in pod.get("status", {}).get(statuses, ())}
        for spec in pod["spec"].get(group, ()):
            status = known.get(spec["name"], {})
            yield _container(pod, workload, spec, status, role, last_words(pod, status))


def _container(  # noqa: PLR0913, PLR0917  (the parts of a container)
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
        # The API server adds those of the ServiceAccount to a pod that has none.
        pull_secrets=tuple(str(each.get("name", "")) for each in pod["spec"].get("imagePullSecrets") or ()),
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
    """Return the time (RFC 3339) at which a container was started last; "" if it never was."""
    for state in (status.get("state", {}), status.get("lastState", {})):
        for kind in ("running", "terminated"):
            if state.get(kind, {}).get("startedAt"):
                return str(state[kind]["startedAt"])
    return ""


def has_started(pod: Object) -> bool:
    """Whether any container of the pod, init containers included, was ever started."""
    status = pod.get("status", {})
    return any(start_of(s) for s in [*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())])


def is_finished(pod: Object) -> bool:
    """Whether the pod has ended by itself and is not being removed."""
    return not is_going(pod) and pod.get("status", {}).get("phase") in {"Succeeded", "Failed"}


def is_going(pod: Object) -> bool:
    """Whether the pod is being removed."""
    return "deletionTimestamp" in pod["metadata"]


def of_chart(obj: Object) -> bool:
    """Whether a pod or Job belongs to the chart, and not to the suite."""
    return not is_infrastructure(obj)


def is_infrastructure(obj: Object) -> bool:
    """Whether a pod or Job belongs to the suite's own infrastructure."""
    return release_of(obj).startswith(INFRASTRUCTURE_PREFIX)


def release_of(obj: Object) -> str:
    """Return the release in an object's labels; "" if it has none."""
    return str((obj["metadata"].get("labels") or {}).get(RELEASE_LABEL, ""))
