"""What the status of a pod or a Job says."""

from __future__ import annotations

from typing import Any

from osh_conformance.model.observation import lacks_program

Object = dict[str, Any]


#: A registry's answers to a pull that another try will not change; kubelet would back off first.
_PULL_REFUSED = (
    "not found",
    "notfound",
    "manifest unknown",
    "denied",
    "unauthorized",
    "no longer supported",  # an image of manifest schema 1
    "unsupported media type",
)


#: Failures after which a container that cannot stay up, or a Job, is given up: the back-off makes more take minutes.
_RESTARTS = 4


def container_statuses(pod: Object) -> list[Object]:
    """The statuses of all containers of a pod, init containers first."""
    status = pod.get("status", {})
    return [
        *status.get("initContainerStatuses", ()),
        *status.get("containerStatuses", ()),
        *status.get("ephemeralContainerStatuses", ()),
    ]


def job_condition(job: Object, kind: str) -> Object | None:
    """The Job's true condition of a type. By type, not by place: `SuccessCriteriaMet` may come before `Complete`."""
    for condition in job.get("status", {}).get("conditions") or ():
        if condition["type"] == kind and condition["status"] == "True":
            found: Object = condition
            return found
    return None


def job_failure(job: Object) -> str | None:
    """Why a Job failed for good, or so often that it will, or None."""
    name, failed = job["metadata"]["name"], job_condition(job, "Failed")
    if failed:
        return f"Job {name} failed: {failed.get('reason')}: {failed.get('message')}"
    attempts = job.get("status", {}).get("failed", 0)
    return f"Job {name} failed {attempts} times" if attempts >= _RESTARTS else None


def crash_loop(pod: Object) -> str | None:
    """Which container cannot stay up, or None."""
    for status in container_statuses(pod):
        waiting = status.get("state", {}).get("waiting", {})
        if waiting.get("reason") == "CrashLoopBackOff" and status.get("restartCount", 0) >= _RESTARTS:
            name = f"pod {pod['metadata']['name']}: container {status['name']}"
            return f"{name} ended {status['restartCount']} times: {waiting.get('message', '')}"
    return None


def cannot_start(pod: Object) -> str | None:
    """Which container's own first program cannot be run in its image, or None."""
    for status in container_statuses(pod):
        for state in (last_end(status), status.get("state", {}).get("waiting", {})):
            if lacks_program(state.get("reason", ""), state.get("message", "")):
                return f"pod {pod['metadata']['name']}: container {status['name']}: {state['message']}"
    return None


def last_end(status: Object) -> Object:
    """How a container ended last, also where it was started again since; empty if it never did."""
    for state in (status.get("state", {}), status.get("lastState", {})):
        if "terminated" in state:
            found: Object = state["terminated"]
            return found
    return {}


def _has_begun(status: Object) -> bool:
    return bool(last_end(status)) or "running" in status.get("state", {})


def pod_ready(pod: Object) -> bool:
    """Whether the pod is Ready."""
    conditions = pod.get("status", {}).get("conditions", ())
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def workload_of(pod: Object) -> str:
    """`Kind/name` of what owns a pod or a Job; a ReplicaSet is named as its Deployment, a bare pod as itself."""
    metadata = pod["metadata"]
    owner = next((o for o in metadata.get("ownerReferences", ()) if o.get("controller")), None)
    if owner is None:
        return f"Pod/{metadata['name']}"
    if owner["kind"] == "ReplicaSet":
        suffix = "-" + metadata.get("labels", {}).get("pod-template-hash", "")
        return f"Deployment/{owner['name'].removesuffix(suffix)}"
    return f"{owner['kind']}/{owner['name']}"


def pod_summary(pod: Object) -> str:
    """Phase and container states in one line."""
    parts = [pod.get("status", {}).get("phase", "Unknown")]
    for status in container_statuses(pod):
        for kind, state in status.get("state", {}).items():
            detail = state.get("reason", "") or ("ready" if status.get("ready") else "")
            code = f" {state['exitCode']}" if "exitCode" in state else ""
            parts.append(f"{status['name']} {kind}{code} {detail}".strip())
    return "; ".join(parts)


def job_summary(job: Object) -> str:
    """The true conditions of a Job, or what it counts."""
    status = job.get("status", {})
    true = [c["type"] for c in status.get("conditions") or () if c["status"] == "True"]
    return ", ".join(true) or f"active {status.get('active', 0)}, failed {status.get('failed', 0)}"
