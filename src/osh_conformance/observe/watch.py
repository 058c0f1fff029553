"""A watch on one namespace: the states of its pods and Jobs, and a wait that ends as soon as the API has the answer."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self, TypeVar

import kubernetes
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from osh_conformance.errors import SuiteError
from osh_conformance.observe.pod_status import (
    PULL_REFUSED,
    Object,
    cannot_start,
    container_statuses,
    crash_loop,
    has_begun,
    job_failure,
    job_summary,
    last_attempt,
    last_end,
    pod_summary,
)
from osh_conformance.waiting import CancelledError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from osh_conformance.cluster.api import Kube
    from osh_conformance.observe.known_secrets import KnownSecrets

T = TypeVar("T")

#: Seconds after which a waiting container's reason is final: the cluster will not solve it by itself.
_FINAL_AFTER = {
    "ImagePullBackOff": 0.0,
    "InvalidImageName": 0.0,
    "ErrImageNeverPull": 0.0,
    "CreateContainerConfigError": 20.0,
    "CreateContainerError": 20.0,
    "RunContainerError": 20.0,
}
#: Words in kubelet's events about a sandbox that no later try will create.
_NO_SANDBOX = ("no runtime for", "runtime handler", "runtimeclass")
_SANDBOX_EVENT = "FailedCreatePodSandBox"
#: Seconds for which a sandbox may fail for temporary reasons, such as the network of a node that has just started.
_SANDBOX_PATIENCE = 45.0
_LAST_WORDS = 3
#: What a log that could not be read begins with.
NO_LOG = "(no log: "
_UNSCHEDULABLE_AFTER = 20.0
_TICK = 1.0
_RESYNC_SECONDS = 20


class TroubleError(SuiteError):
    """The API shows that a wait will not succeed: kubelet cannot pull an image, or no node takes a pod."""


class WorkloadFailedError(SuiteError):
    """A container of the chart ran and failed for good, which is evidence about the chart."""


class NotReadyError(SuiteError):
    """A condition on the namespace did not become true before its deadline."""


@dataclass(slots=True)
class View:
    """The objects of the namespace at one moment, by name; the `all` lists include deleted ones."""

    pods: Mapping[str, Object]
    jobs: Mapping[str, Object]
    all_pods: Sequence[Object]
    all_jobs: Sequence[Object]
    events: Sequence[Object] = ()


@dataclass(slots=True)
class _Kept:
    """The last state of every object since the watch began, by uid."""

    objects: dict[str, Object] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)

    def live(self) -> dict[str, Object]:
        return {o["metadata"]["name"]: o for uid, o in self.objects.items() if uid not in self.deleted}


class NamespaceWatch:
    """Keeps the last state of every pod and Job, and the log of every ended container (hooks are deleted early)."""

    def __init__(self, kube: Kube, namespace: str, cancel: threading.Event, secrets: KnownSecrets) -> None:
        """Watch nothing yet; `with` starts the watch. Once `cancel` is set, waits raise `CancelledError`."""
        self._cancel = cancel
        self._secrets = secrets
        self._kube = kube
        self._namespace = namespace
        self._changed = threading.Condition()
        self._stopped = threading.Event()
        self._pods = _Kept()
        self._jobs = _Kept()
        self._events = _Kept()
        self._since: dict[tuple[str, str, str], float] = {}
        self._readers = ThreadPoolExecutor(max_workers=2, thread_name_prefix="logs")
        #: What each container printed until it ended, by `pod container attempt`, the first attempt being 0.
        self.logs: dict[str, str] = {}
        #: How it ended, as the API has it, by the same.
        self.ends: dict[str, Object] = {}
        self._unread: set[str] = set()

    def __enter__(self) -> Self:
        core, batch = self._kube.core, self._kube.batch
        for kept, call in (
            (self._pods, core.list_namespaced_pod),
            (self._jobs, batch.list_namespaced_job),
            (self._events, core.list_namespaced_event),
        ):
            threading.Thread(target=self._follow, args=(kept, call), daemon=True, name="watch").start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._readers.shutdown(wait=True, cancel_futures=False)

    def view(self) -> View:
        """Return the current objects."""
        with self._changed:
            return View(
                pods=self._pods.live(),
                jobs=self._jobs.live(),
                all_pods=list(self._pods.objects.values()),
                all_jobs=list(self._jobs.objects.values()),
                events=list(self._events.objects.values()),
            )

    def wake(self) -> None:
        """Let every wait look at its condition now."""
        with self._changed:
            self._changed.notify_all()

    def logs_are_read(self, pods: Iterable[Object]) -> bool:
        """Whether the log of every container of these pods that ended was read, as far as the API has it."""
        names = {pod["metadata"]["name"] for pod in pods}
        with self._changed:
            return not any(key.partition(" ")[0] in names for key in self._unread)

    def last_words(self, pod: Object, status: Object) -> str:
        """Return a failed container's last message: the CRI's, or the end of its log; "" if it did not fail.

        It may contain secrets that the container printed.
        """
        ended = last_end(status)
        waiting = status.get("state", {}).get("waiting", {})
        if ended.get("message"):
            return str(ended["message"])
        if waiting.get("message") and not ended:
            return str(waiting["message"])
        if not ended.get("exitCode"):
            return ""
        name, restarts = f"{pod['metadata']['name']} {status['name']}", status.get("restartCount", 0)
        texts = (self.logs.get(f"{name} {number}", "") for number in range(restarts, -1, -1))
        return "\n".join(next(filter(str.strip, texts), "").strip().splitlines()[-_LAST_WORDS:])

    def wait(
        self,
        what: str,
        condition: Callable[[View], T | None],
        *,
        deadline: float,
        concerns: Callable[[Object], bool] | None = None,
    ) -> T:
        """Wait until `condition` returns a value that is not None, and return it.

        Raises `NotReadyError` after `deadline` seconds, and `TroubleError` or `WorkloadFailedError` as soon as the API
        shows that a pod or Job that `concerns` the caller (default: any) will never be ready.
        """
        ends = time.monotonic() + deadline
        while True:
            if self._cancel.is_set():
                raise CancelledError("interrupted")
            view = self.view()
            answer = condition(view)
            if answer is not None:
                return answer
            self._raise_trouble(what, view, concerns or (lambda _: True))
            left = ends - time.monotonic()
            if left <= 0:
                raise NotReadyError(f"timed out after {deadline:g} s waiting for {what}", details=self.state())
            with self._changed:
                self._changed.wait(min(_TICK, left))

    def watch_for(self, condition: Callable[[View], T | None], *, seconds: float) -> T | None:
        """Watch for `seconds`; return the condition's first value that is not None, or None if there was none."""
        try:
            return self.wait("", condition, deadline=seconds, concerns=lambda _: False)
        except NotReadyError:
            return None

    def _follow(self, kept: _Kept, call: Callable[..., Any]) -> None:
        while not self._stopped.is_set():
            try:
                listed = json.loads(call(self._namespace, _preload_content=False, _request_timeout=30).data)
                self._resync(kept, listed)
                version = listed["metadata"]["resourceVersion"]
                watcher = kubernetes.watch.Watch()
                for event in watcher.stream(
                    call,
                    self._namespace,
                    resource_version=version,
                    timeout_seconds=_RESYNC_SECONDS,
                    _request_timeout=_RESYNC_SECONDS + 10,
                ):
                    if self._stopped.is_set():
                        return
                    self._take(kept, event["raw_object"], deleted=event["type"] == "DELETED")
            except (ApiException, OSError, ValueError, HTTPError):
                # A new list resumes an interrupted watch; the pause limits requests to a dead API server.
                with self._changed:
                    self._changed.wait(_TICK)

    def _resync(self, kept: _Kept, listed: Object) -> None:
        present = {item["metadata"]["uid"] for item in listed["items"]}
        for item in listed["items"]:
            self._take(kept, item, deleted=False)
        with self._changed:
            kept.deleted |= set(kept.objects) - present
            self._changed.notify_all()

    def _take(self, kept: _Kept, obj: Object, *, deleted: bool) -> None:
        uid = obj["metadata"]["uid"]
        # The largest part of an object, and unused; all objects of the watch stay in memory.
        obj["metadata"].pop("managedFields", None)
        with self._changed:
            kept.objects[uid] = obj
            if deleted:
                kept.deleted.add(uid)
            self._changed.notify_all()
        if kept is self._pods and not deleted:
            self._read_ended_logs(obj)

    def _read_ended_logs(self, pod: Object) -> None:
        name = pod["metadata"]["name"]
        for status in container_statuses(pod):
            attempt = last_attempt(status)
            if attempt is None:
                continue
            number, ended = attempt
            key = f"{name} {status['name']} {number}"
            with self._changed:
                if key in self.logs or self._stopped.is_set():
                    continue
                self.logs[key], self.ends[key] = "", ended
                self._unread.add(key)
            # Another attempt may run by now: a status that says so came instead of one that says how this one ended.
            previous = {"previous": True} if "running" in status.get("state", {}) else {}
            self._readers.submit(self._read_log, key, name, status["name"], previous)

    def _read_log(self, key: str, pod: str, container: str, previous: Mapping[str, bool]) -> None:
        try:
            text = self._kube.log(self._namespace, pod, container, **previous)
        except Exception as error:  # noqa: BLE001 - missing evidence must not end the run
            text = f"{NO_LOG}{error})"
        with self._changed:
            self.logs[key] = text
            self._unread.discard(key)
            self._changed.notify_all()

    def _raise_trouble(self, what: str, view: View, concerns: Callable[[Object], bool]) -> None:
        for pod in filter(concerns, view.pods.values()):
            trouble = self._environment_trouble(pod) or self._sandbox_trouble(pod, view.events)
            if trouble:
                raise self._redacted(TroubleError, f"waiting for {what}: pod {pod['metadata']['name']}: {trouble}")
        failures = [job_failure(job) for job in filter(concerns, view.jobs.values())]
        failures += [crash_loop(pod) for pod in filter(concerns, view.pods.values())]
        failures += [cannot_start(pod) for pod in filter(concerns, view.pods.values())]
        failure = next(filter(None, failures), None)
        if failure:
            raise self._redacted(WorkloadFailedError, f"waiting for {what}: {failure}")

    def _redacted(self, kind: type[SuiteError], text: str) -> SuiteError:
        state = self.state()  # reads the secrets first
        return kind(self._secrets.redact(text), details=state)

    def _environment_trouble(self, pod: Object) -> str | None:
        for condition in pod.get("status", {}).get("conditions", ()):
            unschedulable = condition.get("reason") == "Unschedulable" and condition["status"] == "False"
            if unschedulable and self._lasts(pod, "", "Unschedulable", _UNSCHEDULABLE_AFTER):
                return f"cannot be scheduled: {condition.get('message')}"
        for status in container_statuses(pod):
            waiting = status.get("state", {}).get("waiting", {})
            reason = waiting.get("reason", "")
            final = _FINAL_AFTER.get(reason)
            if reason == "ErrImagePull" and any(word in waiting.get("message", "").lower() for word in PULL_REFUSED):
                final = 0.0
            if final is not None and self._lasts(pod, status["name"], reason, final):
                return f"container {status['name']}: {reason}: {waiting.get('message', '')}"
        return None

    def _sandbox_trouble(self, pod: Object, events: Sequence[Object]) -> str | None:
        """Return why a pod gets no sandbox; only its events show that."""
        if any(has_begun(status) for status in container_statuses(pod)):
            return None
        for event in events:
            if event.get("reason") != _SANDBOX_EVENT or event["involvedObject"].get("uid") != pod["metadata"]["uid"]:
                continue
            message = event.get("message") or ""
            final = any(word in message.lower() for word in _NO_SANDBOX)
            if final or self._lasts(pod, "", _SANDBOX_EVENT, _SANDBOX_PATIENCE):
                return f"{_SANDBOX_EVENT}: {message}"
        return None

    def _lasts(self, pod: Object, container: str, reason: str, seconds: float) -> bool:
        first = self._since.setdefault((pod["metadata"]["uid"], container, reason), time.monotonic())
        return time.monotonic() - first >= seconds

    def state(self) -> str:
        """Return the state of every pod and Job, and the ends of the latest logs, without secrets."""
        self._secrets.learn()
        view = self.view()
        lines = [f"pod {name}: {pod_summary(pod)}" for name, pod in sorted(view.pods.items())]
        lines += [f"job {name}: {job_summary(job)}" for name, job in sorted(view.jobs.items())]
        ended = [(key, text) for key, text in self.logs.items() if text.strip()]
        for key, text in ended[-4:]:
            lines.append(f"log of {key}:")
            lines += [f"    {line}" for line in text.strip().splitlines()[-6:]]
        return self._secrets.redact("\n".join(lines))
