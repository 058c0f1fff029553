"""`helm test` in a cell: helm's exit code, the hooks that ran, and the logs of their containers without secrets."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from osh_conformance.model.chart import Container, Role
from osh_conformance.observe.watch import View
from osh_conformance.scenario import helm_test, removal, steps


def _container(workload: str, role: Role) -> Container:
    kind, _, name = workload.partition("/")
    return Container(
        kind=kind, workload_name=name, name="c", role=role, image="i", pull_policy="Always", template="t.yaml"
    )


def _pod(name: str, **status: Any) -> Any:
    # Bare pods are workloads themselves.
    labels = {"app.kubernetes.io/instance": "keystone"}
    states = [{"name": "c", "restartCount": 0, "state": status}] if status else []
    return {
        "metadata": {"name": name, "uid": name, "labels": labels},
        "status": {"phase": "Running", "containerStatuses": states},
    }


class Cell:
    """A cell in which the release has a test hook; `pods` are those that there are after `helm test`."""

    def __init__(self, *pods: Any, code: int = 0) -> None:
        self.asked: dict[str, Any] = {}
        self.view = View(pods={pod["metadata"]["name"]: pod for pod in pods}, jobs={}, all_pods=pods, all_jobs=())
        self.code = code
        context = SimpleNamespace(
            namespace="cell",
            cancel=threading.Event(),
            helm=SimpleNamespace(test=self._test),
            kube=SimpleNamespace(log=lambda *_: "still asking"),
            secrets=SimpleNamespace(redact=lambda text: text.replace("s3cr3t", "***"), learn=lambda: None),
            watch=SimpleNamespace(
                view=lambda: self.view,
                watch_for=lambda condition, *, seconds: condition(self.view),  # noqa: ARG005
                logs_are_read=lambda _pods: True,
                logs={"keystone-test c 0": "x\ntoken s3cr3t\n", "keystone-api c 0": "no test"},
            ),
        )
        containers = (_container("Pod/keystone-test", Role.TEST), _container("Deployment/keystone-api", Role.MAIN))
        plan = SimpleNamespace(release="keystone", ready_timeout=90.0, declared=SimpleNamespace(containers=containers))
        self.state = SimpleNamespace(
            plan=plan,
            context=context,
            record_call=lambda action, *_: SimpleNamespace(code=self.code, output=f"helm {action}"),
        )

    def _test(self, *where: object, **how: Any) -> object:
        self.asked = {"where": where, **how}
        return None

    def run(self) -> Any:
        return helm_test.run(cast("Any", self.state))


ENDED = {"terminated": {"exitCode": 1, "startedAt": "2026-01-01T00:00:00Z"}}


def test_the_result_has_helms_exit_code_and_the_logs_of_the_test_only() -> None:
    cell = Cell(_pod("keystone-test", **ENDED), _pod("keystone-api", **ENDED), code=1)
    result = cell.run()
    assert (result.code, result.output, result.ran) == (1, "helm test", ("Pod/keystone-test",))
    assert result.logs == {"keystone-test c": "x\ntoken ***"}
    assert (cell.asked["where"], cell.asked["timeout"]) == (("keystone", "cell"), 90)


def test_helm_gets_its_timeout_for_each_test() -> None:
    cell = Cell()
    cell.state.plan.declared.containers += (_container("Job/keystone-load", Role.TEST),)
    cell.run()
    assert cell.asked["waits"] == 2


@pytest.mark.parametrize(("codes", "result"), [((0, 0), 0), ((1, 0), 1), ((0, 1), 1)])
def test_of_several_runs_a_failed_one_counts(
    codes: tuple[int, int], result: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = list(codes)
    monkeypatch.setattr(helm_test, "run", lambda _state: SimpleNamespace(code=left.pop(0)))
    plan = SimpleNamespace(helm_test=True, tests=None)
    state: Any = SimpleNamespace(plan=plan, helm_test=None, timed=lambda _: contextlib.nullcontext())
    for _ in codes:
        steps.run_chart_tests(state)
    assert state.helm_test.code == result


def test_the_log_of_a_test_that_still_runs_is_read_too() -> None:
    result = Cell(_pod("keystone-test", running={"startedAt": "2026-01-01T00:00:00Z"}), code=1).run()
    assert "keystone-test c" in result.logs


def test_a_chart_without_a_test_ran_none() -> None:
    assert Cell(_pod("keystone-api", **ENDED)).run().ran == ()


def test_the_pods_of_helm_test_are_no_leftovers_of_an_uninstall() -> None:
    pods = (_pod("keystone-test", **ENDED), _pod("keystone-db-drop", **ENDED))
    cell = Cell(*pods)
    watch: Any = cell.state.context.watch
    tests = helm_test.tests_of(cast("Any", cell.state.plan))
    assert removal._leftovers(watch, 0.0, tests) == ("Pod/keystone-db-drop",)


@pytest.mark.parametrize(("waits_for", "ignored"), [(None, ()), (frozenset({"Job/init"}), ("Job/trusts",))])
def test_a_reduced_run_does_not_wait_for_the_end_of_what_it_never_waited_for(
    waits_for: frozenset[str] | None, ignored: tuple[str, ...]
) -> None:
    drop = replace(_container("Job/drop", Role.HOOK), hook=("pre-delete",))
    containers = (drop, _container("Job/init", Role.HOOK), _container("Job/trusts", Role.HOOK))
    declared = SimpleNamespace(containers=containers, containers_of=lambda _function: ())
    plan = SimpleNamespace(waits_for=waits_for, declared=declared)
    assert removal._ignored(cast("Any", SimpleNamespace(plan=plan))) == frozenset(ignored)
