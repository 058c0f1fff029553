"""HOOK-2: the drop Job has a deadline below the timeout of `helm uninstall`."""

from __future__ import annotations

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
    before="kind: Job\nspec:\n  backoffLimit: 1000\n",
    after="kind: Job\nspec:\n  backoffLimit: 1000\n  activeDeadlineSeconds: 240\n",
)
#: Seconds that `helm uninstall` waits without an option.
_UNINSTALL_TIMEOUT = 300


@static_rule(RULE)
def check(chart: RenderedChart) -> Verdict:
    """Check the deadline of the drop Job itself: after the deadline of its pod the Job only makes another pod."""
    found = switched_on(chart).drop_pods
    if not found:
        return no_drop(chart, RULE)
    findings = [
        RULE.finding(
            places.of_pod(chart, pod),
            found=text,
            expected=f"activeDeadlineSeconds below {_UNINSTALL_TIMEOUT}, Helm's timeout",
        )
        for pod in found
        if (text := _problem(pod.document.content.get("spec")))
    ]
    return Verdict.of(RULE.id, findings)


def _problem(spec: Any) -> str:
    """Say what is wrong with the deadline of a Job's specification, or "" if nothing is."""
    bounds = spec if isinstance(spec, dict) else {}
    deadline = bounds.get("activeDeadlineSeconds")
    if deadline is None:
        limit = bounds.get("backoffLimit")
        return "no activeDeadlineSeconds" + (f" (backoffLimit: {limit} is no bound)" if limit is not None else "")
    if not isinstance(deadline, int) or deadline >= _UNINSTALL_TIMEOUT:
        return f"activeDeadlineSeconds: {deadline}"
    return ""
