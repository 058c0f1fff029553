"""Reading the status of pods and Jobs."""

from __future__ import annotations

from typing import Any

from osh_conformance.model.observation import lacks_program

#: An object of the API, as parsed JSON.
Object = dict[str, Any]
#: Answers of a registry to a pull that will not change on another try; kubelet backs off before it tries again.
PULL_REFUSED = (
    "not found",
    "notfound",
    "manifest unknown",
    "denied",
    "unauthorized",
    "no longer supported",  # an image of manifest schema 1
    "unsupported media type",
)
#: After so many failures of a container or a Job the suite waits no longer: the back-off would take minutes.
_RESTARTS = 4


def container_statuses(pod: Object) -> list[Object]:
    """Return the statuses of all containers of a pod, init containers first."""
    status = pod.get("status", {})
    return [
        *status.get("initContainerStatuses", ()),
        *status.get("containerStatuses", ()),
        *status.get("ephemeralContainerStatuses", ()),
    ]


def job_condition(job: Object, kind: str) -> Object | None:
    """Return the Job's true condition of a type; None if there is none.

    By type, not by position: `SuccessCriteriaMet` may come before `Complete`.
    """
    for condition in job.get("status", {}).get("conditions") or ():
        if condition["type"] == kind and condition["status"] == "True":
            found: Object = condition
            return found
    return None


def job_failure(job: Object) -> str | None:
    """Return why a Job failed for good, or failed so often that it will; None if it did not."""
    name, failed = job["metadata"]["name"], job_condition(job, "Failed")
    if failed:
        return f"Job {name} failed: {failed.get('reason')}: {failed.get('message')}"
    attempts = job.get("status", {}).get("failed", 0)
    return f"Job {name} failed {attempts} times" if attempts >= _RESTARTS else None


def crash_loop(pod: Object) -> str | None:
    """Return which container keeps ending; None if none does."""
    for status in container_statuses(pod):
        waiting = status.get("state", {}).get("waiting", {})
        if waiting.get("reason") == "CrashLoopBackOff" and status.get("restartCount", 0) >= _RESTARTS:
            name = f"pod {pod['metadata']['name']}: container {status['name']}"
            return f"{name} ended {status['restartCount']} times: {waiting.get('message', '')}"
    return None


def cannot_start(pod: Object) -> str | None:
    """Return which container's program its image lacks; None if none."""
    for status in container_statuses(pod):
        for state in (last_end(status), status.get("state", {}).get("waiting", {})):
            if lacks_program(state.get("reason", ""), state.get("message", "")):
                return f"pod {pod['metadata']['name']}: container {status['name']}: {state['message']}"
    return None


def last_end(status: Object) -> Object:
    """Return how a container ended last, even if it runs again since; empty if it never ended."""
    for state in (status.get("state", {}), status.get("lastState", {})):
        if "terminated" in state:
            found: Object = state["terminated"]
            return found
    return {}


def last_attempt(status: Object) -> tuple[int, Object] | None:
    """Return the number (from 0) of a container's latest end, and how it ended; None if it never ended."""
    ended = last_end(status)
    # The number of restarts counts the attempt that runs now, but not the one that waits.
    running = "running" in status.get("state", {})
    return (status.get("restartCount", 0) - running, ended) if ended else None


def has_begun(status: Object) -> bool:
    """Whether a container runs or has ended."""
    return bool(last_end(status)) or "running" in status.get("state", {})


def pod_ready(pod: Object) -> bool:
    """Whether the pod is Ready."""
    conditions = pod.get("status", {}).get("conditions", ())
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def workload_of(pod: Object) -> str:
    """Return `Kind/name` of the owner of a pod or a Job: the Deployment of a ReplicaSet, or a bare pod itself."""
    metadata = pod["metadata"]
    owner = next((o for o in metadata.get("ownerReferences", ()) if o.get("controller")), None)
    if owner is None:
        return f"Pod/{metadata['name']}"
    if owner["kind"] == "ReplicaSet":
        suffix = "-" + metadata.get("labels", {}).get("pod-template-hash", "")
        return f"Deployment/{owner['name'].removesuffix(suffix)}"
    return f"{owner['kind']}/{owner['name']}"


def pod_summary(pod: Object) -> str:
    """Return the phase and the container states in one line."""
    parts = [pod.get("status", {}).get("phase", "Unknown")]
    for status in container_statuses(pod):
        for kind, state in status.get("state", {}).items():
            detail = state.get("reason", "") or ("ready" if status.get("ready") else "")
            code = f" {state['exitCode']}" if "exitCode" in state else ""
            parts.append(f"{status['name']} {kind}{code} {detail}".strip())
    return "; ".join(parts)


def job_summary(job: Object) -> str:
    """Return the true conditions of a Job, or else its counts of pods."""
    status = job.get("status", {})
    true = [c["type"] for c in status.get("conditions") or () if c["status"] == "True"]
    return ", ".join(true) or f"active {status.get('active', 0)}, failed {status.get('failed', 0)}"
