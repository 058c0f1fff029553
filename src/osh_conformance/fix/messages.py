"""What `check --fix` and `check --diff` say: one line a file, one line a reason, one line for the whole run."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from osh_conformance.counting import plural, some
from osh_conformance.here import from_here
from osh_conformance.plain import plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from osh_conformance.fix.plan import Refusal
    from osh_conformance.fix.run import ChartRepair, Outcome
    from osh_conformance.model.finding import Finding

_SHOWN: Final = 3


def lines(outcome: Outcome, *, written: bool) -> Iterator[str]:
    """Yield the lines about a run. `written`: the files were written, and not only planned."""
    word = "fixed" if written else "would fix"
    for change in outcome.changes:
        repairs = [each for each in outcome.repairs if change in each.files]
        places = [f"{finding.rule} {_place(finding)}".rstrip() for each in repairs for finding in each.repair.findings]
        yield f"{word}  {plain(from_here(change.file))}: {some(places, _SHOWN)}"
    refused: defaultdict[tuple[str, str], list[Refusal]] = defaultdict(list)
    for refusal in outcome.refusals:
        refused[refusal.finding.rule, refusal.reason].append(refusal)
    for (rule, reason), alike in sorted(refused.items()):
        yield f"not fixed  {rule}  {some([_where(refusal) for refusal in alike], _SHOWN)}: {plain(reason)}"
    yield _summary(outcome.repairs, len(outcome.changes), len(outcome.refusals), word)


def _summary(repairs: Sequence[ChartRepair], files: int, refusals: int, word: str) -> str:
    findings = sum(len(each.repair.findings) for each in repairs)
    done = f"{word} {plural(findings, 'finding')} in {plural(files, 'file')}" if findings else f"{word} nothing"
    return f"{done}; {plural(refusals, 'finding')} without a certain repair" if refusals else done


def _place(finding: Finding) -> str:
    return plain(finding.key or f"{finding.workload} {finding.container}".strip())


def _where(refusal: Refusal) -> str:
    line = f":{refusal.finding.line}" if refusal.finding.line else ""
    return f"{plain(from_here(refusal.file))}{line} {_place(refusal.finding)}".strip()
