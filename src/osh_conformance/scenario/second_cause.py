"""What a drop Job does once it has an image, after the API server has refused it for want of one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import yaml

from osh_conformance.folders import write_private
from osh_conformance.model.observation import NO_IMAGE, WORKED_WITH_IMAGE
from osh_conformance.observe.attempts import last_line
from osh_conformance.observe.logs import ends_of_logs
from osh_conformance.scenario import early_end
from osh_conformance.scenario.drop import new_pods, remember_objects

if TYPE_CHECKING:
    from collections.abc import Iterator

    from osh_conformance.model.observation import Removal
    from osh_conformance.process import Outcome
    from osh_conformance.scenario.state import InstalledRelease, ScenarioState

#: Seconds that helm gets for the second uninstall: it is no verdict of its own.
_TIMEOUT = 120


def find(state: ScenarioState) -> None:
    """After the last step: record what the drop does with an image, if the last uninstall failed for want of one.

    The verdict stays that of the uninstall as shipped. With faults in the scenario there is no second try.
    """
    plan = state.plan
    if not (state.removals and plan.spare_images) or plan.scenario.faults:
        return
    removal, release = state.removals[-1], state.releases[False]
    if removal.lifetime != release.lifetime or NO_IMAGE not in removal.call.output:
        return
    with state.timed("second cause"):
        found = _try_again(state, release, removal)
    release.context.secrets.learn()
    state.removals[-1] = replace(removal, with_image=release.context.secrets.redact(found))


def _try_again(state: ScenarioState, release: InstalledRelease, removal: Removal) -> str:
    """Give the release the spare image, uninstall it again, and return what happened."""
    plan, context = state.plan, release.context
    outcome = context.helm.restore(plan.release, context.namespace, cancel=context.cancel)
    if not outcome.ok:
        return _ended(outcome)
    spare = context.folder / "values-spare-images.yaml"
    write_private(spare, yaml.safe_dump(dict(plan.spare_images)))
    values = [*state.values_files(context, drop=release.drops, second=False), spare]
    outcome = context.helm.install(
        plan.release, plan.chart, context.namespace, values, upgrade=True, hooks=False, cancel=context.cancel
    )
    if not outcome.ok:
        return _ended(outcome)
    remember_objects(state, context.watch.view())
    timeout = min(plan.uninstall_timeout, round(_TIMEOUT * context.patience))
    outcome, failure = early_end.uninstall(state, release, hooks=True, timeout=timeout)
    if failure:
        return f"{failure.line}\n{failure.words}: three attempts in a row ended with it"
    if not outcome.ok:
        logs = ends_of_logs(context, new_pods(state, context.watch.view()), 1).values()
        return "\n".join([_ended(outcome), *filter(None, map(last_line, logs))])
    left = ", ".join(_left(state, removal))
    return f"helm uninstall ended with exit code 0, and {left} is still on the server" if left else WORKED_WITH_IMAGE


def _ended(outcome: Outcome) -> str:
    return f"helm {outcome.argv[1]} ended with exit code {outcome.code}: {outcome.tail}"


def _left(state: ScenarioState, removal: Removal) -> Iterator[str]:
    lifetime, now = state.lifetimes[removal.lifetime], state.read_database()
    yield from (f"database {name}" for name in lifetime.databases if name in now.databases)
    yield from (f"account {name}" for name in lifetime.accounts if name in now.accounts)
