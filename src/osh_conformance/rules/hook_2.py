"""HOOK-2: the drop Job has a deadline below the timeout of `helm uninstall`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from osh_conformance.model.finding import Verdict
from osh_conformance.model.rule import Rule
from osh_conformance.rules.registry import static_rule
from osh_conformance.rules.shared import places
from osh_conformance.rules.shared.drop_jobs import no_drop, switched_on

if TYPE_CHECKING:
    from osh_conformance.model.chart import RenderedChart

RULE = Rule(
    id="HOOK-2",
    title="the drop Job has a deadline below the timeout of `helm uninstall`",
    source="Kubernetes' Jobs: activeDeadlineSeconds; a backoffLimit does not count a pull that fails",
    why="a Job that outlives a failed uninstall drops the database later, perhaps under a new release",
    fix="set activeDeadlineSeconds: 240 in the specification of the Job",
    blind=("limits inside of the script; a timeout that an operator gives helm uninstall: its default of 300 s counts"),
    before="kind: Job\nspec:\n  backoffLimit: 1000\n",
    after="kind: Job\nspec:\n  backoffLimit: 1000\n  activeDeadlineSeconds: 240\n",
)
#: Seconds that `helm uninstall` waits without an option.
_UNINSTALL_TIMEOUT = 300


@static_rule(RULE)
def check(chart: RenderedChart) -> Verdict:
    """Check the deadline of the drop Job itself: after the deadline of its pod the Job only makes another pod.

    A deadline of 0 fails too: the Job ends before it starts. So do one below 0 and one in quotes, which Kubernetes
    refuses. A hook that is a pod has its own deadline. A workload of another kind is HOOK-1's.
    """
    found = switched_on(chart).drop_pods
    if not found:
        return no_drop(chart, RULE)
    findings = [
        RULE.finding(
            places.of_pod(chart, pod, field="activeDeadlineSeconds"),
            found=text,
            expected=f"activeDeadlineSeconds of 1 or more, and below {_UNINSTALL_TIMEOUT}, Helm's timeout",
        )
        for pod in found
        if pod.document.kind in ("Job", "Pod") and (text := _problem(pod.document.content.get("spec")))
    ]
    return Verdict.of(RULE.id, findings)


def _problem(spec: Any) -> str:
    """Say what is wrong with the deadline of a Job's specification, or "" if nothing is."""
    bounds = spec if isinstance(spec, dict) else {}
    deadline = bounds.get("activeDeadlineSeconds")
    if deadline is None:
        limit = bounds.get("backoffLimit")
        return "no activeDeadlineSeconds" + (f" (backoffLimit: {limit} is no bound)" if limit is not None else "")
    if reason := _refusal(deadline):
        return f"activeDeadlineSeconds: {json.dumps(deadline, default=str)}  ({reason})"
    return f"activeDeadlineSeconds: {deadline}" if deadline >= _UNINSTALL_TIMEOUT else ""


def _refusal(deadline: Any) -> str:
    """Say why no Job can meet the deadline, "" if one can."""
    if isinstance(deadline, str):
        return "a text where Kubernetes wants a number: it refuses the Job, and nothing is dropped"
    if isinstance(deadline, bool) or not isinstance(deadline, int | float) or deadline != int(deadline):
        return "no whole number: Kubernetes refuses the Job, and nothing is dropped"
    if deadline < 0:
        return "below 0: Kubernetes refuses the Job, and nothing is dropped"
    return "" if deadline else "Kubernetes ends the Job at once, before it drops anything"
