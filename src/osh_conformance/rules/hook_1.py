"""HOOK-1: the drop Job is a pre-delete hook that can be retried."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from osh_conformance.manifests.pods import DELETE_POLICY, HOOK, PRE_DELETE, annotation, words_of
from osh_conformance.model.finding import Verdict
from osh_conformance.model.rule import Rule
from osh_conformance.rules.registry import static_rule
from osh_conformance.rules.shared import places
from osh_conformance.rules.shared.drop_jobs import no_drop, switched_on
from osh_conformance.rules.shared.drop_objects import BEFORE, FAILED, SUCCEEDED, delete_policy, events, needed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from osh_conformance.manifests.pods import Pod
    from osh_conformance.model.chart import Document, RenderedChart
    from osh_conformance.model.finding import Finding, Location

RULE = Rule(
    id="HOOK-1",
    title="the drop Job is a pre-delete hook that can be retried",
    source="Helm's hooks: pre-delete hooks run before anything is deleted",
    why="after the deletion its ServiceAccount and Secrets are gone; a failed Job that stays blocks later uninstalls",
    fix="set helm.sh/hook: pre-delete and helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded",
    blind=(
        "hooks that have nothing to do with the drop; objects that the Job's script makes; what Helm does "
        "with them on a cluster (DROP-6 sees that)"
    ),
    before=(
        "kind: Job\nmetadata:\n  annotations:\n    helm.sh/hook: post-delete\n"
        "    helm.sh/hook-delete-policy: hook-succeeded\n"
    ),
    after=(
        "kind: Job\nmetadata:\n  annotations:\n    helm.sh/hook: pre-delete\n"
        "    helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded\n"
    ),
)
#: The kinds of hooks that Helm waits for.
_AWAITED: Final = ("Job", "Pod")
_EVENTS: Final = frozenset(
    {
        *("pre-install", "post-install", "pre-delete", "post-delete", "pre-upgrade", "post-upgrade"),
        *("pre-rollback", "post-rollback", "test", "test-success", "test-failure", "crd-install"),
    }
)
_GOOD: Final = f"{DELETE_POLICY}: before-hook-creation,hook-succeeded"


@static_rule(RULE)
def check(chart: RenderedChart) -> Verdict:
    """Check the drop Job: pre-delete as its one event, one name, and a policy that lets a retry create it again.

    No policy at all lets a retry create it (Helm uses before-hook-creation); hook-succeeded alone does not, and with
    hook-succeeded,hook-failed it stays where helm was killed: a warning. The same holds for the objects that the Job
    needs, if they are pre-delete hooks: ServiceAccount, Role, RoleBinding, Secret, ConfigMap. Without hook-succeeded
    the Job stays after the release is gone: a warning. Helm waits for Jobs and Pods only: a drop workload of another
    kind fails.
    """
    found = switched_on(chart).drop_pods
    if not found:
        return no_drop(chart, RULE)
    needs = {(each.kind, each.name): each for pod in found for each in needed(pod)}
    return Verdict.of(
        RULE.id,
        [
            *(finding for pod in found for finding in _of_job(chart, pod)),
            *(finding for document in needs.values() for finding in _of_object(chart, document)),
        ],
    )


def _of_job(chart: RenderedChart, pod: Pod) -> Iterator[Finding]:
    place, document = places.of_pod(chart, pod, field=DELETE_POLICY), pod.document
    if not events(document) or set(events(document)) != {PRE_DELETE}:
        at = places.of_pod(chart, pod, field=HOOK)
        yield RULE.finding(at, found=_event(document), expected=f"{HOOK}: {PRE_DELETE}", cause="event")
    if name := _other_name(chart, pod):
        yield RULE.finding(
            places.of_pod(chart, pod, field="name"),
            found=name,
            expected="one name in every rendering, and the policy before-hook-creation",
            why="Helm replaces a Job of the same name only, and each upgrade shows a change where there is none",
            fix="give it a name that no function makes up, and the policy before-hook-creation,hook-succeeded",
            cause="name",
        )
    if not events(document):
        return
    if document.kind not in _AWAITED:
        yield RULE.finding(
            places.of_pod(chart, pod),
            found=f"a hook of the kind {document.kind}, for which Helm does not wait: it deletes the release meanwhile",
            expected="a Job",
            why="what the drop needs is deleted while it runs, and its failure is not seen",
            fix="make it a Job",
            cause="kind",
        )
    policy = delete_policy(document)
    if BEFORE not in policy and FAILED not in policy:
        yield _blocks(place, policy)
    elif BEFORE not in policy and SUCCEEDED in policy:
        yield _stays_if_killed(place, policy)
    if SUCCEEDED not in policy:
        explicit = ",".join(words_of(annotation(document, DELETE_POLICY)))
        yield RULE.finding(
            place,
            found=f"{DELETE_POLICY}: {explicit or 'none'}",
            expected=f"{DELETE_POLICY} with hook-succeeded, so that no Job stays",
            why="Helm never removes the objects that a hook created, so the Job stays after the release is gone",
            cause="stays",
            warning=True,
        )


def _of_object(chart: RenderedChart, document: Document) -> Iterator[Finding]:
    """Check an object that the drop Job needs, if it is a hook of the same event."""
    policy = delete_policy(document)
    if PRE_DELETE not in events(document) or BEFORE in policy:
        return
    place = places.of_object(chart, document, field=DELETE_POLICY)
    # The failure of the Job is none of this object's: hook-failed alone does not remove it then.
    if {SUCCEEDED, FAILED} <= set(policy):
        yield _stays_if_killed(place, policy, document)
    else:
        yield _blocks(place, policy, document)


def _blocks(place: Location, policy: tuple[str, ...], document: Document | None = None) -> Finding:
    when = "if helm is killed" if document and SUCCEEDED in policy else "after a failure"
    remark = f"{when} {_what(document)} stays, and no retry can create it"
    return _of_policy(place, policy, document, remark, cause="policy")


def _stays_if_killed(place: Location, policy: tuple[str, ...], document: Document | None = None) -> Finding:
    remark = f"if helm is killed {_what(document)} stays, and blocks the retry"
    return _of_policy(place, policy, document, remark, cause="killed", warning=True)


def _of_policy(  # noqa: PLR0913  (the parts of a message)
    place: Location,
    policy: tuple[str, ...],
    document: Document | None,
    remark: str,
    *,
    cause: str,
    warning: bool = False,
) -> Finding:
    about = f"{_what(document)}, which the drop Job needs, has " if document else ""
    return RULE.finding(
        place,
        found=f"{about}{DELETE_POLICY}: {','.join(policy)}  ({remark})",
        expected=_GOOD,
        why="what stays blocks each later uninstall: Helm cannot create it again, and deletes nothing",
        fix=_GOOD,
        cause=f"{cause} {_what(document)}" if document else cause,
        warning=warning,
    )


def _what(document: Document | None) -> str:
    return f"{document.kind}/{document.name}" if document else "the Job"


def _event(document: Document) -> str:
    """Say which events a Job has that is no pre-delete hook alone."""
    given = annotation(document, HOOK)
    if given is None:
        return f"no {HOOK}: it runs at install"
    strange = [event for event in events(document) or ("",) if event not in _EVENTS]
    return f"{HOOK}: {given}" + (f"  (Helm knows no event `{strange[0]}`, and leaves the Job out)" if strange else "")


def _other_name(chart: RenderedChart, pod: Pod) -> str:
    """Say why the same workload has another name in another rendering or installation, "" if it has not."""
    document = pod.document
    if not document.name and (prefix := document.metadata.get("generateName")):
        return f"generateName: {prefix}, another name in every installation"
    on = chart.renderings.get("drop:on") or chart.renderings.get("shipped")
    place = (document.template, document.occurrence, document.kind)
    again = [d for d in (on.second if on else ()) if (d.template, d.occurrence, d.kind) == place]
    return "another name in every rendering" if any(each.name != document.name for each in again) else ""
