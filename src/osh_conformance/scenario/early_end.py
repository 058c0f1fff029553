"""Calling `helm uninstall`, and ending it where a container that it waits for fails again and again in the same way."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from osh_conformance.cluster.helm import MARGIN
from osh_conformance.observe.attempts import repeated_failure
from osh_conformance.observe.logs import wait_for_logs
from osh_conformance.scenario.drop import delete_hooks, new_pods

if TYPE_CHECKING:
    from osh_conformance.observe.attempts import RepeatedFailure
    from osh_conformance.observe.watch import NamespaceWatch, View
    from osh_conformance.process import Outcome
    from osh_conformance.scenario.state import InstalledRelease, ScenarioState

#: The `backoffLimit` of a Job that names none.
_BACKOFF_LIMIT = 6


def uninstall(
    state: ScenarioState, release: InstalledRelease, *, hooks: bool, timeout: int
) -> tuple[Outcome, RepeatedFailure | None]:
    """Call `helm uninstall`; return the outcome, and the failure that a container of it repeated, or None.

    Helm waits for a hook until its timeout, however often its container fails. An operator who reads its log gives up
    sooner, and interrupts helm: so does this, unless the Job is about to end by itself. It deletes nothing. In a
    scenario with faults helm has all its time: the end of a fault may help.
    """
    if state.plan.scenario.faults:
        return helm_uninstall(state, release, hooks=hooks, timeout=timeout, cancel=release.context.cancel), None
    watch, stop = release.context.watch, threading.Event()
    with ThreadPoolExecutor(max_workers=1) as pool:
        call = pool.submit(helm_uninstall, state, release, hooks=hooks, timeout=timeout, cancel=stop)
        call.add_done_callback(lambda _: watch.wake())

        def ended(view: View) -> bool | None:
            return True if call.done() or _is_hopeless(state, watch, view) else None

        try:
            # Helm has a deadline of its own, which comes before this one.
            watch.watch_for(ended, seconds=timeout * _waits(state) + 2 * MARGIN)
        finally:
            stop.set()
        outcome = call.result()
    if outcome.ok:
        return outcome, None
    pods = new_pods(state, watch.view())
    wait_for_logs(release.context, pods)
    return outcome, repeated_failure(watch, pods)


def _is_hopeless(state: ScenarioState, watch: NamespaceWatch, view: View) -> bool:
    """Whether a container of the uninstall repeats its failure, and its Job will try again."""
    failure = repeated_failure(watch, new_pods(state, view))
    if failure is None:
        return False
    job = view.jobs.get(failure.workload.removeprefix("Job/"), {})
    # Helm sees such an end at once, and its words are better than those of an interrupted program.
    return failure.attempts <= int(job.get("spec", {}).get("backoffLimit", _BACKOFF_LIMIT))


def helm_uninstall(  # noqa: PLR0913  (the parts of one call)
    state: ScenarioState,
    release: InstalledRelease,
    *,
    hooks: bool,
    timeout: int,
    cancel: threading.Event,
    kill: threading.Event | None = None,
) -> Outcome:
    """Call `helm uninstall`. `cancel` ends it as an operator would, `kill` with SIGKILL."""
    context = release.context
    return context.helm.uninstall(
        state.plan.release,
        context.namespace,
        timeout=timeout,
        waits=_waits(state),
        hooks=hooks,
        cancel=cancel,
        kill=kill,
    )


def _waits(state: ScenarioState) -> int:
    """Return how many times helm may wait as long as its timeout: once for each hook."""
    return max(1, len(delete_hooks(state)))
