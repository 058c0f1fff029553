"""Says of each chart of a run whether its databases are dropped, and where not, what the evidence shows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from osh_conformance.model.observation import NO_IMAGE, WORKED_WITH_IMAGE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from osh_conformance.model.result import RemovedData
    from osh_conformance.report.pages.run_document import Assertion, RunDocument, WrittenCell, WrittenFinding

_FAMILY = "DROP-"
#: The families of static rules that belong to the drop Job, and to the switches that a reduced run turns off.
_STATIC = (_FAMILY, "HOOK-", "TOGGLE-")
_FAILED = ("fail", "expected")
#: What the API server says of an object that it does not take.
_REFUSAL = re.compile(r'\S+ "[^"\n]+" is (?:invalid|forbidden): .*|admission webhook "[^"\n]+" denied .*')

#: The folders of an absolute path; the last part is what it names.
_FOLDERS = re.compile(r"(?<![\w.:/-])/(?:[^\s/`'\":]+/)+")


class Outcome(StrEnum):
    """What a run shows of a chart's drop Job."""

    WORKS = "works"
    BROKEN = "broken"
    NOT_JUDGED = "not judged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why an uninstall did not do what it should: a sentence, and the line that proves it ("" without one)."""

    sentence: str
    evidence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A cell with its outcome.

    - reason: why it was not judged; "" otherwise.
    - removed: the uninstall that failed first, the last one if none failed; None without an uninstall.
    - causes: of a broken one, what the run shows, the first cause first.
    - static: the static findings of the chart that concern its drop Job, errors and warnings.
    - others: what other live rules found, as `RULE: message`.
    """

    cell: WrittenCell
    outcome: Outcome
    reason: str = ""
    removed: RemovedData | None = None
    causes: tuple[Cause, ...] = ()
    static: tuple[WrittenFinding, ...] = ()
    others: tuple[str, ...] = ()


def judge(document: RunDocument) -> list[Judged]:
    """Return every cell that ran or broke, by its chart's name; those that were left out are not among them."""
    static = static_findings(document)
    return [
        _judged(cell, [finding for finding in static if finding.chart == cell.chart])
        for cell in sorted(document.cells, key=lambda cell: (cell.chart, cell.id))
        if cell.status != "skipped"
    ]


def static_findings(document: RunDocument) -> list[WrittenFinding]:
    """Return the errors and warnings of the static rules that concern drop Jobs, in the document's order."""
    live = {assertion.rule for cell in document.cells for assertion in cell.assertions}
    return [
        finding
        for finding in document.findings
        if finding.rule.startswith(_STATIC) and finding.rule not in live and finding.status in (*_FAILED, "warning")
    ]


def _judged(cell: WrittenCell, static: Sequence[WrittenFinding]) -> Judged:
    own = [assertion for assertion in cell.assertions if assertion.rule.startswith(_FAMILY)]
    failed = [assertion for assertion in own if assertion.status in _FAILED]
    removed = _telling(cell.removed, failed)
    outcome, reason = _outcome(cell, own, failed)
    reason = without_folders(reason)
    return Judged(
        cell=cell,
        outcome=outcome,
        reason=reason,
        removed=removed,
        causes=tuple(_causes(removed, failed)) if outcome is Outcome.BROKEN else (),
        static=tuple(static),
        others=tuple(
            f"{assertion.rule}: {assertion.message}"
            for assertion in cell.assertions
            if assertion not in own and assertion.status in _FAILED
        ),
    )


def _outcome(cell: WrittenCell, own: Sequence[Assertion], failed: Sequence[Assertion]) -> tuple[Outcome, str]:
    if failed:
        return Outcome.BROKEN, ""
    lacking = [assertion for assertion in own if assertion.status in ("error", "undecided")]
    if lacking or cell.status == "error":
        return Outcome.NOT_JUDGED, lacking[0].message if lacking else cell.reason
    if any(assertion.status == "pass" for assertion in own):
        return Outcome.WORKS, ""
    return Outcome.NOT_JUDGED, next((each.message for each in own), "no rule about the drop Job was checked")


def _telling(removals: Sequence[RemovedData], failed: Sequence[Assertion]) -> RemovedData | None:
    """Return the uninstall that shows the outcome: of a scenario that failed, the first that did not do its task."""
    scenarios = {assertion.scenario for assertion in failed}
    of_failed = [removed for removed in removals if removed.scenario in scenarios]
    wrong = [removed for removed in of_failed if removed.code or removed.left]
    return next(iter([*wrong, *of_failed]), removals[-1] if removals else None)


def _causes(removed: RemovedData | None, failed: Sequence[Assertion]) -> Iterator[Cause]:
    """Yield what the run shows: the first cause, and what came to light behind it."""
    yield (removed and _first_cause(removed)) or Cause(sentence=failed[0].message.partition("\n")[0])
    if removed and removed.with_image and not works_with_image(removed):
        line, _, more = removed.with_image.partition("\n")
        remark = f" ({' '.join(more.split())})" if more.strip() else ""
        yield Cause(sentence=f"with an image for the Job it still fails{remark}", evidence=line)


def _first_cause(removed: RemovedData) -> Cause | None:
    refusal = refusal_of(removed)
    if refusal:
        return Cause(sentence="the API server refuses the drop Job", evidence=refusal)
    if removed.repeated_failure:
        return Cause(sentence="the drop Job fails each time with the same error", evidence=removed.repeated_failure)
    if removed.code:
        # The containers of one pod may end one after the other; the last one that printed is as good as any.
        for line in removed.log.values():
            return Cause(sentence="the drop Job fails", evidence=line)
        lines = removed.output.strip().splitlines()
        return Cause(sentence="`helm uninstall` fails", evidence=lines[-1] if lines else "")
    if removed.left:
        return Cause(sentence="`helm uninstall` succeeds, and the data stay")
    return None


def without_folders(reason: str) -> str:
    """Return the reason of an error without the folders of the machine on which it came up."""
    return _FOLDERS.sub("", reason)


def refusal_of(removed: RemovedData) -> str:
    """Return the line in which the API server refused an object of the uninstall, "" if it did not."""
    match = _REFUSAL.search(removed.output)
    return match.group().strip() if match else ""


def works_with_image(removed: RemovedData) -> bool:
    """Return whether the Job did its task once it had an image."""
    return removed.with_image == WORKED_WITH_IMAGE


def lacks_image(removed: RemovedData) -> bool:
    """Return whether the API server refused the drop Job because a container has no image."""
    return NO_IMAGE in refusal_of(removed)
