"""What a watch concludes from the state of pods, Jobs and events."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from osh_conformance.observe import pod_status, watch


def pod(**changes: Any) -> dict[str, Any]:
    return {"metadata": {"name": "api-7d4-x2x", "uid": "1", **changes.pop("metadata", {})}, "status": changes}


def owned_by(kind: str, name: str, **labels: str) -> dict[str, Any]:
    return {"ownerReferences": [{"kind": kind, "name": name, "controller": True}], "labels": labels}


@pytest.mark.parametrize(
    ("metadata", "workload"),
    [
        ({}, "Pod/api-7d4-x2x"),
        (owned_by("Job", "db-init"), "Job/db-init"),
        (owned_by("StatefulSet", "mariadb"), "StatefulSet/mariadb"),
        (owned_by("ReplicaSet", "api-7d4", **{"pod-template-hash": "7d4"}), "Deployment/api"),
    ],
)
def test_workload_of_names_the_owner_of_a_pod(metadata: dict[str, Any], workload: str) -> None:
    assert pod_status.workload_of(pod(metadata=metadata)) == workload


def job(*conditions: str, failed: int = 0) -> dict[str, Any]:
    listed = [{"type": name, "status": "True", "reason": "R", "message": "M"} for name in conditions]
    return {"metadata": {"name": "drop"}, "status": {"conditions": listed, "failed": failed}}


def test_job_condition_is_found_by_type_not_by_position() -> None:
    assert pod_status.job_condition(job("SuccessCriteriaMet", "Complete"), "Complete")
    assert pod_status.job_condition(job("SuccessCriteriaMet"), "Complete") is None


@pytest.mark.parametrize(
    ("seen", "expected"),
    [(job(), None), (job("Failed"), "R: M"), (job(failed=4), "4 times"), (job(failed=3), None)],
)
def test_a_job_has_failed_by_its_condition_or_its_backoff_limit(seen: dict[str, Any], expected: str | None) -> None:
    failure = pod_status.job_failure(seen)
    assert (failure is None) is (expected is None)
    assert (expected or "") in (failure or "")


def looping(restarts: int) -> dict[str, Any]:
    waiting = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}}
    return pod(containerStatuses=[{"name": "api", "restartCount": restarts, "state": waiting}])


def test_a_container_that_keeps_restarting_ends_the_wait() -> None:
    assert pod_status.crash_loop(looping(3)) is None
    assert "api ended 4 times" in (pod_status.crash_loop(looping(4)) or "")


@pytest.mark.parametrize(
    ("reason", "message", "final"),
    [
        ("ErrImagePull", "rpc error: code = NotFound desc = failed to pull: docker.io/a/b:1: not found", True),
        ("ErrImagePull", "rpc error: code = DeadlineExceeded desc = i/o timeout", False),
        ("ImagePullBackOff", "Back-off pulling image", True),
        ("ContainerCreating", "", False),
    ],
)
def test_a_refused_pull_ends_the_wait_at_once(reason: str, message: str, *, final: bool) -> None:
    waiting = pod(containerStatuses=[{"name": "api", "state": {"waiting": {"reason": reason, "message": message}}}])
    with pytest.raises(watch.TroubleError if final else watch.NotReadyError):
        seeing(waiting).wait("it", never, deadline=0.0)


class _Logs:
    """The part of the API that returns the logs of containers."""

    def __init__(self, **logs: str) -> None:
        self._logs = logs

    def log(self, _namespace: str, _pod: str, container: str, *, previous: bool = False) -> str:
        return f"{'earlier ' if previous else ''}{self._logs[container]}"


def seeing(*pods: dict[str, Any], events: tuple[dict[str, Any], ...] = (), **logs: str) -> watch.NamespaceWatch:
    """Return a watch with these objects."""
    secrets = SimpleNamespace(learn=lambda: None, redact=lambda text: text)
    watched = watch.NamespaceWatch(_Logs(**logs), "cell", threading.Event(), secrets)  # type: ignore[arg-type]
    for one in pods:
        watched._take(watched._pods, one, deleted=False)
    for event in events:
        watched._take(watched._events, event, deleted=False)
    watched._readers.shutdown()
    return watched


def never(_view: watch.View) -> None:
    return None


def status(name: str = "api", restarts: int = 0, last: dict[str, Any] | None = None, **state: Any) -> dict[str, Any]:
    return {"name": name, "restartCount": restarts, "state": state, "lastState": last or {}}


def ended(code: int, **more: Any) -> dict[str, Any]:
    return {"exitCode": code, "reason": "Error", **more}


NO_PROGRAM = ended(128, reason="StartError", message='exec: "bash": executable file not found in $PATH')
WAITING = {"reason": "CrashLoopBackOff", "message": "back-off 10s"}


@pytest.mark.parametrize(
    "seen",
    [status(terminated=NO_PROGRAM), status(restarts=1, waiting=WAITING, last={"terminated": NO_PROGRAM})],
    ids=["ended", "tried again"],
)
def test_wait_ends_at_once_if_a_program_is_missing(seen: dict[str, Any]) -> None:
    watched = seeing(pod(containerStatuses=[seen]), api="")
    with pytest.raises(watch.WorkloadFailedError, match=r'container api: exec: "bash"'):
        watched.wait("it", never, deadline=20.0)


def test_a_pod_outside_the_wait_does_not_end_it() -> None:
    watched = seeing(pod(containerStatuses=[status(terminated=NO_PROGRAM)]), api="")
    with pytest.raises(watch.NotReadyError):
        watched.wait("it", never, deadline=0.0, concerns=lambda _: False)


@pytest.mark.parametrize(
    "seen",
    [
        status(terminated=ended(1)),
        status(running={}),
        status(waiting={"reason": "ContainerCreating"}),
        status(running={}, last={"terminated": ended(127)}),
    ],
)
def test_another_exit_does_not_end_the_wait(seen: dict[str, Any]) -> None:
    assert pod_status.cannot_start(pod(containerStatuses=[seen])) is None


#: What gVisor's shim and runsc say, by their source of 2026-09.
_START = "failed to start containerd task: OCI runtime start failed: starting container: starting sub-container"


@pytest.mark.parametrize(
    ("message", "missing"),
    [
        (f'{_START} [bash]: error finding executable "bash" in PATH [/usr/bin /bin]: no such file or directory', True),
        (f"{_START} [/bin/tool -v]: failed to load /bin/tool: no such file or directory", True),
        (f"{_START} [/bin/tool -v]: failed to load /bin/tool: permission denied: unknown", True),
        (f"{_START} [sh -c echo not found]: urpc method containerManager.StartSubcontainer failed: EOF", False),
        (
            f"{_START} [sh]: connecting to control server at PID 9: dial unix /run/x.sock: no such file or directory",
            False,
        ),
        ("OCI runtime create failed: creating container: gofer: open /run/x: no such file or directory", False),
        ('exec: "bash": executable file not found in $PATH', True),
    ],
)
def test_a_message_of_gvisor_is_about_the_image_only_where_it_says_so(message: str, *, missing: bool) -> None:
    seen = status(terminated=ended(128, reason="StartError", message=message))
    assert (pod_status.cannot_start(pod(containerStatuses=[seen])) is not None) is missing


def sandbox(message: str, *, uid: str = "1", reason: str = "FailedCreatePodSandBox") -> dict[str, Any]:
    metadata = {"name": f"e-{uid}", "uid": f"e-{uid}"}
    return {"metadata": metadata, "reason": reason, "message": message, "involvedObject": {"uid": uid}}


NO_RUNTIME = 'rpc error: code = Unknown desc = failed to get sandbox runtime: no runtime for "youki" is configured'


def test_a_missing_runtime_handler_ends_the_wait_at_once() -> None:
    with pytest.raises(watch.TroubleError, match=r'FailedCreatePodSandBox: .* no runtime for "youki"'):
        seeing(pod(), events=(sandbox(NO_RUNTIME),)).wait("it", never, deadline=20.0)


@pytest.mark.parametrize(
    ("pods", "event"),
    [
        (pod(), sandbox("cni plugin not initialized")),
        (pod(), sandbox(NO_RUNTIME, uid="2")),
        (pod(), sandbox(NO_RUNTIME, reason="Scheduled")),
        (pod(containerStatuses=[status(running={})]), sandbox(NO_RUNTIME)),
        (pod(initContainerStatuses=[status(terminated=ended(0))]), sandbox(NO_RUNTIME)),
    ],
    ids=["may pass", "of another pod", "another event", "runs by now", "has run by now"],
)
def test_another_sandbox_error_does_not_end_the_wait(pods: dict[str, Any], event: dict[str, Any]) -> None:
    with pytest.raises(watch.NotReadyError):
        seeing(pods, events=(event,)).wait("it", never, deadline=0.0)


@pytest.mark.parametrize(
    ("seen", "code"),
    [
        (status(terminated=ended(3)), 3),
        (status(running={}, last={"terminated": ended(4)}), 4),
        (status(terminated=ended(0), last={"terminated": ended(5)}), 0),
        (status(running={}), None),
        ({"name": "api"}, None),
    ],
)
def test_the_latest_end_of_a_container_counts(seen: dict[str, Any], code: int | None) -> None:
    assert pod_status.last_end(seen).get("exitCode") == code


LOG = "one\ntwo\nthree\n/bin/sh: 4: python: not found\n"


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (status(terminated=ended(1)), "two\nthree\n/bin/sh: 4: python: not found"),
        (status(terminated=NO_PROGRAM), NO_PROGRAM["message"]),
        (status(waiting={"reason": "CreateContainerError", "message": "no such file"}), "no such file"),
        (status(terminated=ended(0)), ""),
        (status(running={}), ""),
        ({}, ""),
    ],
    ids=["log", "message of the CRI", "never made", "ended well", "runs", "unknown"],
)
def test_the_last_output_of_a_container_is_quoted(seen: dict[str, Any], words: str) -> None:
    ending = pod(containerStatuses=[seen] if seen else [])
    assert seeing(ending, api=LOG).last_words(ending, seen) == words


def test_the_last_output_of_a_restarted_container_is_from_its_latest_end() -> None:
    ending = pod(containerStatuses=[status(terminated=ended(1))])
    waiting = status(restarts=1, waiting=WAITING, last={"terminated": ended(1)})
    assert seeing(ending, api=LOG).last_words(ending, waiting).endswith("python: not found")


def test_the_log_of_an_end_is_read_even_if_only_its_successor_tells_of_it() -> None:
    last = {"terminated": ended(3)}
    states: tuple[dict[str, Any], ...] = ({"terminated": ended(3)}, {"waiting": WAITING}, {"running": {}})
    found = []
    for restarts, state in zip((0, 0, 1), states, strict=True):
        watched = seeing(pod(containerStatuses=[status(restarts=restarts, last=last, **state)]), api="a line")
        assert watched.ends == {"api-7d4-x2x api 0": ended(3)}
        assert watched.logs_are_read([pod()])
        found.append(watched.logs["api-7d4-x2x api 0"])
    assert found == ["a line", "a line", "earlier a line"]


def test_a_log_that_is_not_read_yet_is_waited_for() -> None:
    watched = seeing(pod())
    watched._unread.add("api-7d4-x2x api 0")
    assert not watched.logs_are_read([pod()])
    assert watched.logs_are_read([pod(metadata={"name": "api-7d4"})])
