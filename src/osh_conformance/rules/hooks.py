"""HOOK: how Helm and Kubernetes run the drop Job."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from osh_conformance.model.finding import Severity, Status, Verdict
from osh_conformance.model.rule import Rule
from osh_conformance.rules._drop_jobs import in_pod, no_drop, switched_on
from osh_conformance.rules._pods import DELETE_POLICY, HOOK, PRE_DELETE, annotation, words_of
from osh_conformance.rules.registry import static_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from osh_conformance.model.chart import RenderedChart
    from osh_conformance.rules._pods import Pod

HOOK_1 = Rule(
    id="HOOK-1",
    title="the drop Job is a pre-delete hook that can be tried again",
    source="Helm's hooks: pre-delete hooks run before anything is deleted",
    why="later its ServiceAccount and Secrets are gone; and a failed Job that stays blocks every further uninstall",
    example="helm.sh/hook: post-delete",
    fix="helm.sh/hook: pre-delete, and helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded",
)
HOOK_2 = Rule(
    id="HOOK-2",
    title="the drop Job has a deadline below the timeout of `helm uninstall`",
    source="Kubernetes' Jobs: activeDeadlineSeconds; a backoffLimit does not count a pull that fails",
    why="a Job that outlives a failed uninstall drops the database later, perhaps under a new release",
    example="backoffLimit: 1000, without activeDeadlineSeconds",
    fix="activeDeadlineSeconds: 240",
)
_UNINSTALL_TIMEOUT = 300


@static_rule(HOOK_1)
def can_be_tried_again(chart: RenderedChart) -> Verdict:
    """Judge HOOK-1: one event, pre-delete; a delete policy that lets a retry create the Job again; one name.

    No policy at all does (Helm takes before-hook-creation); hook-succeeded alone does not. Without hook-succeeded
    the Job stays after the release has gone: a warning.
    """
    found = switched_on(chart).drop_pods
    if not found:
        return no_drop(chart, HOOK_1)
    findings = []
    for pod in found:
        findings += [in_pod(chart, HOOK_1, pod, *problem) for problem in _hook_problems(pod)]
        if _has_other_name(chart, pod):
            expected = "one name in every rendering, and the policy before-hook-creation"
            findings.append(in_pod(chart, HOOK_1, pod, "a name that is another one in every rendering", expected))
        policy = words_of(annotation(pod.document, DELETE_POLICY))
        if "hook-succeeded" not in policy and words_of(annotation(pod.document, HOOK)):
            text = f"{DELETE_POLICY}: {','.join(policy) or 'none'}"
            finding = in_pod(chart, HOOK_1, pod, text, "hook-succeeded in it, so that nothing stays")
            why = "Helm never removes what a hook made, so the Job stays after the release has gone"
            findings.append(replace(finding, severity=Severity.WARNING, status=Status.WARNING, why=why))
    return Verdict.of(HOOK_1.id, findings)


def _hook_problems(pod: Pod) -> Iterator[tuple[str, str]]:
    events = words_of(annotation(pod.document, HOOK))
    if events != (PRE_DELETE,):
        found = f"{HOOK}: {','.join(events)}" if events else f"no {HOOK}: it runs at install"
        yield found, f"{HOOK}: {PRE_DELETE}"
        if not events:
            return
    policy = words_of(annotation(pod.document, DELETE_POLICY))
    if policy and not {"before-hook-creation", "hook-failed"} & set(policy):
        yield (
            f"{DELETE_POLICY}: {','.join(policy)}  (after a failure the Job stays, and no retry can create it)",
            f"{DELETE_POLICY}: before-hook-creation,hook-succeeded",
        )


def _has_other_name(chart: RenderedChart, pod: Pod) -> bool:
    """Whether the same workload has another name in the second rendering."""
    on = chart.renderings.get("drop:on")
    place = (pod.document.template, pod.document.occurrence, pod.document.kind)
    again = (d for d in (on.second if on else ()) if (d.template, d.occurrence, d.kind) == place)
    return any(document.name != pod.document.name for document in again)


@static_rule(HOOK_2)
def has_a_deadline(chart: RenderedChart) -> Verdict:
    """Judge HOOK-2: of a Job, its own deadline; that of its pod only makes another pod."""
    found = switched_on(chart).drop_pods
    if not found:
        return no_drop(chart, HOOK_2)
    expected = f"activeDeadlineSeconds below {_UNINSTALL_TIMEOUT}, Helm's timeout"
    findings = []
    for pod in found:
        # Of a Job, its own: the deadline of a pod ends the pod, and the Job makes another one.
        spec = pod.document.content.get("spec")
        bounds = spec if isinstance(spec, dict) else {}
        deadline = bounds.get("activeDeadlineSeconds")
        if deadline is None:
            limit = bounds.get("backoffLimit")
            bound = f" (backoffLimit: {limit} is no bound)" if limit is not None else ""
            findings.append(in_pod(chart, HOOK_2, pod, f"no activeDeadlineSeconds{bound}", expected))
        elif not isinstance(deadline, int) or deadline >= _UNINSTALL_TIMEOUT:
            findings.append(in_pod(chart, HOOK_2, pod, f"activeDeadlineSeconds: {deadline}", expected))
    return Verdict.of(HOOK_2.id, findings)
