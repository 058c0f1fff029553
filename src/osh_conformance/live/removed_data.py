"""Says what each uninstall of a scenario did with the release's data, from the observation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.model.observation import SUITE_TABLES
from osh_conformance.model.result import Fates, RemovedData
from osh_conformance.model.scenario import ExpectedData

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from osh_conformance.model.observation import Observation, Removal


def removed_data(observation: Observation) -> tuple[RemovedData, ...]:
    """Return one record for each uninstall, in their order."""
    return tuple(_of(observation, removal) for removal in observation.removals)


def drop_logs(removal: Removal) -> Mapping[str, str]:
    """Return by `pod container` what the containers of the uninstall's drop Job printed, without secrets."""
    return removal.logs or (removal.failure.logs if removal.failure else {})


def _of(observation: Observation, removal: Removal) -> RemovedData:
    lifetime, before, after = observation.lifetimes[removal.lifetime], removal.populated, removal.after
    tables = [table for name in lifetime.databases for table in before.databases.get(name, {}).items()]
    own = [state for name, state in tables if not name.startswith(SUITE_TABLES)]
    return RemovedData(
        scenario=observation.scenario.name,
        release=lifetime.release,
        expected=removal.expected_data.value,
        databases=_fates(removal, lifetime.databases, before.databases, after.databases),
        accounts=_fates(removal, lifetime.accounts, before.accounts, after.accounts),
        roles=_fates(removal, lifetime.roles, before.roles, after.roles),
        tables=len(own),
        rows=sum(state.rows or 0 for state in own),
        suite_tables=len(tables) - len(own),
        log=_last_lines(removal),
        code=removal.call.code,
        seconds=round(removal.call.seconds, 2),
        # Without the namespace, whose name changes from run to run.
        output=removal.call.output.replace(f"{observation.namespace}/", "") if removal.call.code else "",
        repeated_failure=removal.repeated_failure,
        with_image=removal.with_image.replace(f"{observation.namespace}/", ""),
    )


def _fates(removal: Removal, owned: Collection[str], before: Collection[str], after: Collection[str]) -> Fates:
    stays = tuple(name for name in owned if name in after)
    must_go = removal.expected_data is ExpectedData.DROPPED
    return Fates(
        dropped=tuple(name for name in owned if name in before and name not in after),
        kept=() if must_go else stays,
        left=stays if must_go else (),
        gone=tuple(name for name in owned if name not in before and name not in after),
    )


def _last_lines(removal: Removal) -> Mapping[str, str]:
    """Return by `pod container` the last line that each container printed that drops, if it printed one.

    If none of these has started, it is that of the containers before them.
    """
    dropping = {label.rpartition(" ")[2] for label in removal.ran}
    lines = {name: text.strip().splitlines() for name, text in drop_logs(removal).items()}
    return {
        name: printed[-1].strip()
        for name, printed in lines.items()
        if printed and (not dropping or name.rpartition(" ")[2] in dropping)
    }
