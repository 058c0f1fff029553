"""`helm test`: the test hooks of the chart, which run in the cell while the release is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.model.chart import Role
from osh_conformance.model.observation import HelmTest
from osh_conformance.observe import logs
from osh_conformance.observe.containers import has_started
from osh_conformance.observe.pod_status import workload_of

if TYPE_CHECKING:
    from osh_conformance.observe.pod_status import Object
    from osh_conformance.observe.watch import View
    from osh_conformance.scenario.state import CellPlan, ScenarioState

_LINES = 60


def run(state: ScenarioState) -> HelmTest:
    """Run `helm test` for the first release; its timeout is that of an install."""
    plan, context = state.plan, state.context
    tests = tests_of(plan)
    outcome = context.helm.test(
        plan.release,
        context.namespace,
        timeout=int(plan.ready_timeout),
        waits=max(1, len(tests)),
        cancel=context.cancel,
    )
    call = state.record_call("test", outcome, context)
    pods = _pods(context.watch.view(), tests)
    return HelmTest(
        code=call.code,
        output=call.output,
        ran=tuple(sorted({workload_of(pod) for pod in pods if has_started(pod)})),
        logs=logs.ends_of_logs(context, pods, _LINES),
    )


def tests_of(plan: CellPlan) -> frozenset[str]:
    """Return the workloads of the chart's test hooks, as `Kind/name`."""
    return frozenset(each.workload for each in plan.declared.containers if each.role is Role.TEST)


def _pods(view: View, tests: frozenset[str]) -> list[Object]:
    return [pod for pod in view.all_pods if workload_of(pod) in tests]
