"""Waiting for a release: which trouble is the chart's own, and which is the environment's."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from osh_conformance.errors import SuiteError
from osh_conformance.model.chart import Container, DeclaredChart, Role
from osh_conformance.observe.watch import NamespaceWatch, NotReadyError, TroubleError, View
from osh_conformance.process import Outcome
from osh_conformance.scenario import readiness
from tests.unit.observations import observation

if TYPE_CHECKING:
    from collections.abc import Sequence

_MESSAGE = "failed to pull and unpack image x: unexpected status: "


class _Watch:
    """A watch that sees one pod whose image was not pulled, and gives up."""

    def __init__(self, words: str) -> None:
        waiting = {"waiting": {"reason": "ErrImagePull", "message": _MESSAGE + words}}
        status = {"containerStatuses": [{"name": "api", "state": waiting}]}
        self._pod: dict[str, Any] = {"metadata": {"name": "api"}, "spec": {}, "status": status}

    def view(self) -> View:
        return View(pods={"api": self._pod}, jobs={}, all_pods=[self._pod], all_jobs=[])

    def wait(self, *_: object, **__: object) -> str:
        raise TroubleError("pod api: ErrImagePull")


def _wait(words: str, *, login: bool) -> str:
    context: Any = SimpleNamespace(watch=_Watch(words), cancel=threading.Event())
    return readiness.wait_ready(_plan(pull_secret=login), observation().declared, context, Future())


def _plan(*waits_for: str, seconds: float = 1.0, pull_secret: bool = False) -> Any:
    return SimpleNamespace(
        ready_timeout=seconds,
        waits_for=frozenset(waits_for) or None,
        scenario=SimpleNamespace(pull_secret=pull_secret),
    )


def test_a_pod_without_the_login_is_a_failure_of_the_chart_where_the_registry_demands_it() -> None:
    assert "ErrImagePull" in _wait("401 Unauthorized", login=True)


@pytest.mark.parametrize(
    ("words", "login"), [("401 Unauthorized", False), ("404 Not Found", True), ("x@sha256:ab401c: not found", True)]
)
def test_any_other_failed_pull_is_trouble_of_the_environment(words: str, login: bool) -> None:  # noqa: FBT001
    with pytest.raises(TroubleError):
        _wait(words, login=login)


# -- a reduced run, which waits for some workloads only --------------------------------------------------------------

_CRASHES = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}}
_NO_IMAGE = {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}
_INIT = {
    "metadata": {"name": "db-init", "uid": "1"},
    "status": {"conditions": [{"type": "Complete", "status": "True"}]},
}


def _declared(*containers: Container) -> DeclaredChart:
    return DeclaredChart(
        name="heat", version="1", convention=None, policy=None, images={}, functions={}, containers=containers
    )


def _container(workload: str, *, idle: bool = False, hook: tuple[str, ...] = ()) -> Container:
    kind, _, name = workload.partition("/")
    return Container(
        kind=kind,
        workload_name=name,
        name=name,
        role=Role.MAIN,
        image="i",
        pull_policy=None,
        template="t",
        hook=hook,
        idle=idle,
    )


def _pod(owner: str, state: Any, restarts: int = 0) -> dict[str, Any]:
    kind, _, name = owner.partition("/")
    owners = [{"kind": kind, "name": name, "controller": True}]
    status = {"name": name, "restartCount": restarts, "state": state}
    return {
        "metadata": {"name": f"{name}-x", "uid": f"{name}-x", "ownerReferences": owners},
        "spec": {"containers": [{"name": name}]},
        "status": {"containerStatuses": [status]},
    }


def _helm(code: int | None = 0) -> Future[Outcome]:
    """A call of helm that ended with this code, or goes on."""
    call: Future[Outcome] = Future()
    if code is not None:
        call.set_result(Outcome(argv=("helm", "install"), code=code, stdout="", stderr="a hook failed", seconds=1.0))
    return call


def _ready(
    plan: Any,
    call: Future[Outcome],
    *containers: Container,
    pods: Sequence[Any] = (),
    jobs: Sequence[Any] = (),
    deployments: Sequence[Any] = (),
    action: str = "install",
    patience: float = 1.0,
) -> str:
    secrets: Any = SimpleNamespace(learn=lambda: None, redact=lambda text: text)
    kube: Any = SimpleNamespace(log=lambda *_: "", list=lambda _: deployments)
    watch = NamespaceWatch(kube, "cell", threading.Event(), secrets)
    for kept, objects in ((watch._pods, pods), (watch._jobs, jobs)):
        for one in objects:
            watch._take(kept, one, deleted=False)
    watch._readers.shutdown()
    context: Any = SimpleNamespace(watch=watch, secrets=secrets, kube=kube, namespace="cell", patience=patience)
    return readiness.wait_ready(plan, _declared(*containers), context, call, action)


INIT, API = _container("Job/db-init"), _container("Deployment/api")


@pytest.mark.parametrize("state", [_CRASHES, _NO_IMAGE])
def test_a_pod_that_nobody_waits_for_may_crash(state: Any) -> None:
    pods = [_pod("StatefulSet/api", state, restarts=9)]
    assert _ready(_plan("Job/db-init"), _helm(), INIT, API, pods=pods, jobs=[_INIT]) == ""


def test_a_pod_that_the_run_waits_for_may_not() -> None:
    pods = [_pod("Job/db-init", _CRASHES, restarts=4)]
    assert "db-init ended 4 times" in _ready(_plan("Job/db-init"), _helm(None), INIT, API, pods=pods)


def test_a_job_that_nobody_waits_for_may_fail_and_helm_with_it() -> None:
    trusts = {"metadata": {"name": "trusts", "uid": "2"}, "status": {"failed": 9}}
    assert _ready(_plan("Job/db-init"), _helm(1), INIT, jobs=[_INIT, trusts]) == ""


def test_helm_that_fails_before_all_is_there_is_a_failure_of_the_chart() -> None:
    assert "a hook failed" in _ready(_plan("Job/db-init"), _helm(1), INIT)


@pytest.mark.parametrize(
    "words",
    ["etcdserver: request timed out", "Kubernetes cluster unreachable: Get ...", "net/http: TLS handshake timeout"],
)
def test_helm_that_the_cluster_does_not_answer_is_no_failure_of_the_chart(words: str) -> None:
    call: Future[Outcome] = Future()
    call.set_result(Outcome(argv=("helm", "install"), code=1, stdout="", stderr=f"Error: {words}", seconds=1.0))
    with pytest.raises(SuiteError, match="helm install failed because the cluster did not answer"):
        _ready(_plan("Job/db-init"), call, INIT)


def test_helm_gets_a_while_for_hooks_that_nobody_waits_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "_HELM_ENDS_WITHIN", 0.0)
    assert _ready(_plan("Job/db-init", seconds=20.0), _helm(None), INIT, jobs=[_INIT]) == ""
    monkeypatch.setattr(readiness, "_HELM_ENDS_WITHIN", 30.0)
    with pytest.raises(NotReadyError):
        _ready(_plan("Job/db-init", seconds=0.0), _helm(None), INIT, jobs=[_INIT])


def test_helm_gets_a_longer_while_under_a_slow_runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "_HELM_ENDS_WITHIN", 0.1)
    plan = _plan("Job/db-init", seconds=1.5)
    assert _ready(plan, _helm(None), INIT, jobs=[_INIT]) == ""
    with pytest.raises(NotReadyError):
        _ready(plan, _helm(None), INIT, jobs=[_INIT], patience=100.0)


def test_a_whole_run_waits_for_helm_and_for_every_workload() -> None:
    for call, containers in ((_helm(None), (INIT,)), (_helm(), (INIT, API))):
        with pytest.raises(NotReadyError):
            _ready(_plan(seconds=0.0), call, *containers, jobs=[_INIT])


def test_a_workload_of_no_replicas_is_settled_in_every_run() -> None:
    idle = _container("Deployment/api", idle=True)
    assert _ready(_plan(), _helm(), INIT, idle, jobs=[_INIT]) == ""


def test_a_job_of_an_uninstall_is_not_waited_for_at_an_install() -> None:
    drop = _container("Job/db-drop", hook=("pre-delete",))
    assert _ready(_plan("Job/db-init", "Job/db-drop"), _helm(), INIT, drop, jobs=[_INIT]) == ""


@pytest.mark.parametrize("workloads", [(), ("Job/db-init", "Job/check")], ids=["whole", "reduced"])
def test_a_hook_of_an_upgrade_is_not_waited_for_at_an_install(workloads: tuple[str, ...]) -> None:
    check = _container("Job/check", hook=("post-upgrade",))
    assert _ready(_plan(*workloads), _helm(), INIT, check, jobs=[_INIT]) == ""


def test_a_reduced_run_waits_for_a_hook_itself_and_a_whole_run_leaves_that_to_helm() -> None:
    init = _container("Job/db-init", hook=("post-install",))
    with pytest.raises(NotReadyError):
        _ready(_plan("Job/db-init", seconds=0.0), _helm(), init)
    assert _ready(_plan(), _helm(), init) == ""


def test_a_pod_that_nobody_waits_for_may_crash_while_the_service_is_withheld() -> None:
    secrets: Any = SimpleNamespace(learn=lambda: None, redact=lambda text: text)
    watch = NamespaceWatch(cast("Any", None), "cell", threading.Event(), secrets)
    for pod in (_pod("StatefulSet/api", _CRASHES, restarts=9), _pod("Job/db-init", {"running": {"startedAt": "now"}})):
        pod["status"]["initContainerStatuses"] = pod["status"].pop("containerStatuses")
        watch._take(watch._pods, pod, deleted=False)
    init = replace(INIT, key="db_init")
    keys = {key: key for key in ("db_init", "dep_check")}
    plan = _plan("Job/db-init")
    plan.declared = replace(_declared(init, API), functions=keys)
    context: Any = SimpleNamespace(watch=watch, patience=1.0)
    assert readiness.withhold(plan, context, _helm(None), 0.0).waiting == ("Job/db-init",)


def test_an_upgrade_waits_for_the_pods_of_the_new_revision() -> None:
    """The pod of the former revision is ready when helm returns."""
    pod = _pod("Deployment/api", {"running": {}})
    pod["status"]["conditions"] = [{"type": "Ready", "status": "True"}]
    deployment: dict[str, Any] = {
        "metadata": {"name": "api", "generation": 2},
        "spec": {"replicas": 1},
        "status": {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1},
    }
    for action, generation in (("install", 1), ("upgrade", 2)):
        deployment["status"]["observedGeneration"] = generation
        assert _ready(_plan(), _helm(), API, pods=[pod], deployments=[deployment], action=action) == ""
    deployment["status"]["observedGeneration"] = 1
    with pytest.raises(NotReadyError):
        _ready(_plan(seconds=0.0), _helm(), API, pods=[pod], deployments=[deployment], action="upgrade")
