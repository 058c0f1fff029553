"""HOOK-1: the drop Job is a pre-delete hook that can be retried."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.manifests.pods import DELETE_POLICY, HOOK, PRE_DELETE, annotation, words_of
from osh_conformance.model.finding import Verdict
from osh_conformance.model.rule import Rule
from osh_conformance.rules.registry import static_rule
from osh_conformance.rules.shared import places
from osh_conformance.rules.shared.drop_jobs import no_drop, switched_on

if TYPE_CHECKING:
    from collections.abc import Iterator

    from osh_conformance.manifests.pods import Pod
    from osh_conformance.model.chart import RenderedChart
    from osh_conformance.model.finding import Finding

RULE = Rule(
    id="HOOK-1",
    title="the drop Job is a pre-delete hook that can be retried",
    source="Helm's hooks: pre-delete hooks run before anything is deleted",
    why="after the deletion its ServiceAccount and Secrets are gone; a failed Job that stays blocks later uninstalls",
    fix="set helm.sh/hook: pre-delete and helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded",
    before=(
        "kind: Job\nmetadata:\n  annotations:\n    helm.sh/hook: post-delete\n"
        "    helm.sh/hook-delete-policy: hook-succeeded\n"
    ),
    after=(
        "kind: Job\nmetadata:\n  annotations:\n    helm.sh/hook: pre-delete\n"
        "    helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded\n"
    ),
)


@static_rule(RULE)
def check(chart: RenderedChart) -> Verdict:
    """Check the drop Job: pre-delete as its one event, one name, and a policy that lets a retry create it again.

    No policy at all lets a retry create it (Helm uses before-hook-creation); hook-succeeded alone does not. Without
    hook-succeeded the Job stays after the release is gone: a warning.
    """
    found = switched_on(chart).drop_pods
    if not found:
        return no_drop(chart, RULE)
    return Verdict.of(RULE.id, [finding for pod in found for finding in _of_job(chart, pod)])


def _of_job(chart: RenderedChart, pod: Pod) -> Iterator[Finding]:
    place = places.of_pod(chart, pod)
    for cause, text, expected in _problems(pod):
        yield RULE.finding(place, found=text, expected=expected, cause=cause)
    if _has_other_name(chart, pod):
        yield RULE.finding(
            place,
            found="another name in every rendering",
            expected="one name in every rendering, and the policy before-hook-creation",
            cause="name",
        )
    policy = words_of(annotation(pod.document, DELETE_POLICY))
    if "hook-succeeded" not in policy and words_of(annotation(pod.document, HOOK)):
        yield RULE.finding(
            place,
            found=f"{DELETE_POLICY}: {','.join(policy) or 'none'}",
            expected=f"{DELETE_POLICY} with hook-succeeded, so that no Job stays",
            why="Helm never removes the objects that a hook created, so the Job stays after the release is gone",
            cause="stays",
            warning=True,
        )


def _problems(pod: Pod) -> Iterator[tuple[str, str, str]]:
    """Yield the cause, what was found and what is expected."""
    events = words_of(annotation(pod.document, HOOK))
    if events != (PRE_DELETE,):
        found = f"{HOOK}: {','.join(events)}" if events else f"no {HOOK}: it runs at install"
        yield "event", found, f"{HOOK}: {PRE_DELETE}"
        if not events:
            return
    policy = words_of(annotation(pod.document, DELETE_POLICY))
    if policy and not {"before-hook-creation", "hook-failed"} & set(policy):
        yield (
            "policy",
            f"{DELETE_POLICY}: {','.join(policy)}  (after a failure the Job stays, and no retry can create it)",
            f"{DELETE_POLICY}: before-hook-creation,hook-succeeded",
        )


def _has_other_name(chart: RenderedChart, pod: Pod) -> bool:
    """Whether the same workload has another name in the second rendering."""
    on = chart.renderings.get("drop:on")
    place = (pod.document.template, pod.document.occurrence, pod.document.kind)
    again = (d for d in (on.second if on else ()) if (d.template, d.occurrence, d.kind) == place)
    return any(document.name != pod.document.name for document in again)
