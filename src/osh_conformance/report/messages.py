"""What a finding says: in full, in one line beside others of its rule, and in the line that editors understand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from osh_conformance.counting import plural, some
from osh_conformance.plain import plain
from osh_conformance.report.causes import Cause, causes, elsewhere, place, subject
from osh_conformance.report.words import word

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from collections.abc import Set as AbstractSet

    from osh_conformance.model.finding import Finding

_SHOWN_CONTAINERS = 4
_SHOWN_CHARTS = 4
_SHOWN_PLACES = 3


def message(finding: Finding) -> str:
    """Return the lines that describe a finding, harmless to print."""
    return "\n".join(_lines(Cause(findings=(finding,)), frozenset()))


def messages(findings: Iterable[Finding]) -> Iterator[str]:
    """Yield the lines of each cause; the reason of a rule is in the first message that has it."""
    told: set[tuple[str, str]] = set()
    for cause in causes(findings):
        yield "\n".join(_lines(cause, told))
        told.add((cause.first.rule, cause.first.why))


def heading(cause: Cause) -> str:
    """Return the first line of a message: status, rule, chart or charts, place, and subject."""
    first = cause.first
    charts = cause.charts if any(cause.charts) else ()
    who = charts[0] if len(charts) == 1 else plural(len(charts), "chart") if charts else ""
    number = f"({len(cause.findings)} findings)" if len(cause.findings) > 1 else ""
    parts = (f"{word(first.status)} {first.rule}".rstrip(), who, place(first), subject(first), number)
    return plain("  ".join(part for part in parts if part))


def short(cause: Cause) -> str:
    """Return one line of a cause, for a place below another message of the same rule."""
    text = heading(cause)
    return plain(f"{text}: {one_line(cause.first.found)}")


def concise(finding: Finding) -> str:
    """Return `path:line: RULE severity message` in one line. Without a file the chart stands for it."""
    where = place(finding) or finding.subject or finding.chart or "osh-conformance"
    name = subject(finding)
    said = f"{name}: {one_line(finding.found)}" if name else one_line(finding.found)
    parts = (f"{where}:", finding.rule, word_of_severity(finding), said)
    return plain(" ".join(part for part in parts if part))


def word_of_severity(finding: Finding) -> str:
    """Return `error` for what fails the run, else `warning`."""
    return "error" if word(finding.status) in {"FAIL", "ERROR"} else "warning"


def one_line(text: str) -> str:
    """Return a text without line breaks."""
    return " ".join(text.split())


def _lines(cause: Cause, told: AbstractSet[tuple[str, str]]) -> Iterator[str]:
    first = cause.first
    yield heading(cause)
    labelled = (
        ("found", first.found),
        ("reaches", _reached(cause)),
        ("charts", some(cause.charts, _SHOWN_CHARTS) if len(cause.charts) > 1 else ""),
        ("also", some(tuple(elsewhere(cause)), _SHOWN_PLACES)),
        ("expected", first.expected),
        ("but", first.reason),
        ("why", "" if (first.rule, first.why) in told else first.why),
        ("fix", first.fix),
        ("reproduce", first.reproduce),
    )
    for label, text in labelled:
        if text:
            yield from _labelled(label, text)


def _labelled(label: str, text: str) -> Iterator[str]:
    first, *rest = text.splitlines() or [""]
    yield f"  {label:<10} {plain(first)}"
    yield from (f"  {'':<10} {plain(line)}" for line in rest)


def _reached(cause: Cause) -> str:
    """Return the containers that the cause reaches, "" where the heading names the only one."""
    first = cause.first
    containers = tuple(dict.fromkeys(name for finding in cause.findings for name in finding.containers))
    if not first.key and len(containers) < 2:  # noqa: PLR2004
        return ""
    return some(containers, _SHOWN_CONTAINERS)
