"""`check --fix` and `check --diff`: plans the repairs of all charts, then writes the files or only shows them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from osh_conformance.errors import SuiteError, UsageError
from osh_conformance.fix.plan import plan

if TYPE_CHECKING:
    from collections.abc import Callable

    from osh_conformance.check.engine import StaticEngine
    from osh_conformance.fix.folder import FileChange
    from osh_conformance.fix.plan import ChartPlan, Refusal
    from osh_conformance.model.repair import Repair


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartRepair:
    """A repair, and the files that it changes."""

    repair: Repair
    files: tuple[FileChange, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The repairs of a run.

    - repairs: those that are planned, or whose files were written.
    - refusals: the findings without a certain repair.
    - changes: the files that change, or were written.
    - unchecked: why charts cannot be checked. A run that checks them reports that itself.
    - errors: the repairs that broke, and why files were not written.
    """

    repairs: tuple[ChartRepair, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    changes: tuple[FileChange, ...] = ()
    unchecked: tuple[SuiteError, ...] = ()
    errors: tuple[SuiteError, ...] = ()


def planned(engine: StaticEngine, done: Callable[[], None] = lambda: None) -> Outcome:
    """Plan the repairs of all charts of a run, and write nothing. Call `done` after each chart."""
    engine.expect(engine.targets)
    found: list[ChartRepair] = []
    plans: list[ChartPlan] = []
    for target in engine.targets:
        own = plan(engine, target)
        plans.append(own)
        by_path = {change.path: change for change in own.changes}
        for repair in own.repairs:
            paths = dict.fromkeys(edit.path for edit in repair.edits)
            found.append(ChartRepair(repair=repair, files=tuple(by_path[path] for path in paths)))
        done()
    return Outcome(
        repairs=tuple(found),
        refusals=tuple(refusal for own in plans for refusal in own.refusals),
        changes=tuple(change for own in plans for change in own.changes),
        unchecked=tuple(own.unchecked for own in plans if own.unchecked),
        errors=tuple(own.broken for own in plans if own.broken),
    )


def written(outcome: Outcome) -> Outcome:
    """Write each file of a plan, whole or not at all; return what was done. A file that fails stops no other one."""
    changes: list[FileChange] = []
    errors: list[SuiteError] = [*outcome.errors]
    for change in outcome.changes:
        try:
            change.write()
        except UsageError as error:
            errors.append(error)
        else:
            changes.append(change)
    repairs = tuple(each for each in outcome.repairs if all(change in changes for change in each.files))
    return replace(outcome, repairs=repairs, changes=tuple(changes), errors=tuple(errors))
