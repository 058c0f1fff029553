"""Findings and verdicts: the results of a rule."""

from __future__ import annotations

import functools
import hashlib
import posixpath
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum


class Status(StrEnum):
    """The outcome of a rule on a chart or cell. Only `FAIL` is a defect of the chart. `ERROR`: the check failed."""

    PASS = "pass"  # noqa: S105
    FAIL = "fail"
    EXPECTED = "expected"
    WARNING = "warning"
    UNDECIDED = "undecided"
    NOT_APPLICABLE = "not-applicable"
    ERROR = "error"


class Severity(StrEnum):
    """`ERROR` fails the check. `WARNING` fails it only with `--strict`."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """The place of a finding. `Rule.finding` takes one, and `Finding` has the same fields.

    - chart: the chart's name.
    - path: the file, relative to the working directory; absolute if the chart lies outside of it.
    - line: the line (from 1), None if it is not known.
    - key: the image key, or the dotted path in values.
    - workload: `Kind/name`.
    - container: the container's name.
    - containers: all containers that the cause affects, as `Kind/name container`.
    - anchor: the chart's own file that the finding belongs to, if `path` is another one: the template that includes the
      library's file, or the values.yaml whose value a file of `--values` replaces.
    - shared: what findings of one rule about several charts have in common, if one edit repairs them all: a define of a
      library, an image reference. "" if the cause is in the chart alone.
    - also: further keys of the same file that the finding is about.
    - dormant: whether the chart has the fault only as long as it ships other references: see `Verdict.dormant`.
    """

    chart: str
    path: str = ""
    line: int | None = None
    key: str = ""
    workload: str = ""
    container: str = ""
    containers: tuple[str, ...] = ()
    anchor: str = ""
    shared: str = ""
    also: tuple[str, ...] = ()
    dormant: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One violation of one rule. Rules create it with `Rule.finding`; the JSON report has the same fields.

    - rule: the rule's id, "" for an error that concerns no single rule.
    - chart, path, line, key, workload, container, containers, anchor, shared, also, dormant: see `Location`.
    - found: the actual state.
    - expected: the state that the rule requires.
    - why: the consequence for an operator.
    - fix: a command or an edit.
    - severity, status: a finding about a chart that could not be checked has the status `ERROR`.
    - cause: distinguishes two findings of one rule at one place. It contains no version, so that the id is stable.
    - reproduce: the command that shows the finding again.
    - folder: the part of `path` that leads to the chart.
    - subject: identifies the chart if several charts have the same name.
    - reason: why the finding is expected, or no longer expected.

    Only the engine sets `reproduce`, `folder` and `subject`. Rules do not: later runs reuse cached verdicts with other
    paths and options.
    """

    rule: str
    chart: str
    found: str
    expected: str
    why: str
    fix: str
    severity: Severity = Severity.ERROR
    status: Status = Status.FAIL
    path: str = ""
    line: int | None = None
    key: str = ""
    workload: str = ""
    container: str = ""
    containers: tuple[str, ...] = ()
    anchor: str = ""
    shared: str = ""
    also: tuple[str, ...] = ()
    dormant: bool = False
    cause: str = ""
    reproduce: str = ""
    folder: str = ""
    subject: str = ""
    reason: str = ""

    @property
    def id(self) -> str:
        """A hash of the rule, the chart, the file in the chart, the key, the container and the cause (16 hex digits).

        It does not change when lines move or a reference gets another tag. It is the same for a check of the chart and
        for a check of a directory above it.
        """
        chart = self.subject or self.chart
        parts = (self.rule, chart, self.path_in_chart, self.key, self._workload, self.container, self.cause)
        return _hash("\0".join(parts))

    @property
    def cause_id(self) -> str:
        """The id of the cause (16 hex digits): the same for all findings that one edit repairs, else the finding's."""
        if not self.shared:
            return self.id
        return _hash(f"{self.rule}\0{self.shared}")

    @property
    def _workload(self) -> str:
        """The workload if there is no file, else "": its name may end in a hash of the values."""
        return "" if self.path else self.workload

    @property
    def _place(self) -> tuple[str, ...]:
        path = self.anchor or self.path
        return (self.rule, self.chart, path, self.key, self._workload, self.container, self.cause)

    @property
    def path_in_chart(self) -> str:
        """The file that the finding belongs to (`anchor`, else `path`), relative to the chart."""
        return self._in_chart(self.anchor or self.path)

    @property
    def paths_in_chart(self) -> tuple[str, ...]:
        """The file that the finding belongs to, and the one that it points to, relative to the chart."""
        return tuple(dict.fromkeys((self.path_in_chart, self._in_chart(self.path))))

    def _in_chart(self, path: str) -> str:
        if path.startswith(self.folder):
            return path.removeprefix(self.folder)
        return _relative(path, self.folder) if path else ""


def _hash(text: str) -> str:
    # The name of a file may have bytes that are no UTF-8.
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:16]


#: Asked for several times of each finding, and most findings of a chart are in few files.
_relative = functools.lru_cache(maxsize=1024)(posixpath.relpath)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The outcome of one rule on one chart or cell.

    - rule: the rule's id.
    - status: the outcome.
    - findings: the violations and warnings.
    - reason: why the rule does not apply or is undecided, "" otherwise.
    - dormant: what would be a finding if the chart shipped other references, such as a tag that moves, in a values
      override that repeats the shipped one. No report has it. A baseline expects it, so that it survives a bump of the
      shipped references.
    """

    rule: str
    status: Status
    findings: tuple[Finding, ...] = ()
    reason: str = ""
    dormant: tuple[Finding, ...] = ()

    @classmethod
    def of(cls, rule: str, findings: Iterable[Finding]) -> Verdict:
        """Return a verdict with these findings: `FAIL` if one of them fails that is not dormant, else `PASS`."""
        every = tuple(_with_distinct_ids(findings))
        listed = tuple(finding for finding in every if not finding.dormant)
        failed = any(finding.status is Status.FAIL for finding in listed)
        known = {finding.id for finding in listed}
        dormant = tuple(finding for finding in every if finding.dormant and finding.id not in known)
        return cls(rule=rule, status=Status.FAIL if failed else Status.PASS, findings=listed, dormant=dormant)

    @classmethod
    def not_applicable(cls, rule: str, reason: str) -> Verdict:
        """Return the verdict of a rule that does not apply, with the reason."""
        return cls(rule=rule, status=Status.NOT_APPLICABLE, reason=reason)

    @classmethod
    def undecided(cls, rule: str, reason: str) -> Verdict:
        """Return the verdict of a rule that the evidence does not decide, with the reason."""
        return cls(rule=rule, status=Status.UNDECIDED, reason=reason)


def _with_distinct_ids(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield the findings in order. Those that would have the same id get a number in `cause`."""
    seen: Counter[tuple[object, ...]] = Counter()
    for finding in findings:
        place = (*finding._place, finding.dormant)  # noqa: SLF001  (of this module)
        seen[place] += 1
        number = seen[place]
        yield finding if number == 1 else replace(finding, cause=f"{finding.cause} ({number})".strip())
