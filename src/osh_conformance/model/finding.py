"""Findings and verdicts: the results of a rule."""

from __future__ import annotations

import hashlib
import posixpath
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum


class Status(StrEnum):
    """The outcome of a rule on a chart or cell. Only `FAIL` is a defect of the chart; `ERROR` leaves it open."""

    PASS = "pass"  # noqa: S105
    FAIL = "fail"
    EXPECTED = "expected"
    WARNING = "warning"
    UNDECIDED = "undecided"
    NOT_APPLICABLE = "not-applicable"
    ERROR = "error"


class Severity(StrEnum):
    """Whether a finding makes the outcome `fail`, or (without `--strict`) not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """The place that a finding is about: `Rule.finding` takes one, and `Finding` has the same fields.

    `path` is relative to the PATH argument, `line` counts from 1. `key` is the image key or the dotted path in values,
    `workload` is `Kind/name`, `containers` are all `Kind/name container` that the cause reaches.
    """

    chart: str
    path: str = ""
    line: int | None = None
    key: str = ""
    workload: str = ""
    container: str = ""
    containers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One violation of one rule, flat as the JSON report shows it. Rules make it with `Rule.finding`.

    The fields from `chart` to `containers` are those of `Location`. `chart` is the chart's name. A finding about a
    chart that no rule could check has the status `ERROR` and, if it concerns no single rule, an empty `rule`.
    `cause` tells apart two findings of one rule at one place. It holds no version, so that it is stable.

    The engine sets `reproduce` (the command that shows the finding again), `folder` (the part of `path` that leads to
    the chart) and `subject` (which of several charts of one name it is), each in one place. No rule sets them:
    verdicts are cached and reused by later runs, whose paths and options differ.
    `reason` says why the finding is expected, or why it no longer is.
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
    cause: str = ""
    reproduce: str = ""
    folder: str = ""
    subject: str = ""
    reason: str = ""

    @property
    def id(self) -> str:
        """A fingerprint of the rule, the chart, the file in it, the key, the container and the cause.

        It stays the same when lines move or the tag of a reference is bumped, and it is the same whether the chart
        alone was checked or the tree that it is in.
        """
        chart = self.subject or self.chart
        parts = (self.rule, chart, self.path_in_chart, self.key, self._workload, self.container, self.cause)
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]

    @property
    def _workload(self) -> str:
        """The workload, only if no file is known: its name may end in a hash of the values."""
        return "" if self.path else self.workload

    @property
    def _place(self) -> tuple[str, ...]:
        return (self.rule, self.chart, self.path, self.key, self._workload, self.container, self.cause)

    @property
    def path_in_chart(self) -> str:
        """`path`, relative to the chart."""
        if self.path.startswith(self.folder):
            return self.path.removeprefix(self.folder)
        return posixpath.relpath(self.path, self.folder) if self.path else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The outcome of one rule on one chart or cell: findings, or the reason why there is none."""

    rule: str
    status: Status
    findings: tuple[Finding, ...] = ()
    reason: str = ""

    @classmethod
    def of(cls, rule: str, findings: Iterable[Finding]) -> Verdict:
        """Fail on any finding whose status is `FAIL`, pass otherwise (warnings stay visible)."""
        listed = tuple(_told_apart(findings))
        failed = any(finding.status is Status.FAIL for finding in listed)
        return cls(rule=rule, status=Status.FAIL if failed else Status.PASS, findings=listed)

    @classmethod
    def not_applicable(cls, rule: str, reason: str) -> Verdict:
        """Return the verdict of a rule that does not apply, with the reason."""
        return cls(rule=rule, status=Status.NOT_APPLICABLE, reason=reason)

    @classmethod
    def undecided(cls, rule: str, reason: str) -> Verdict:
        """Return the verdict for evidence that decides nothing, with the reason."""
        return cls(rule=rule, status=Status.UNDECIDED, reason=reason)


def _told_apart(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Number the causes of findings that would have the same id otherwise, in their order."""
    seen: Counter[tuple[str, ...]] = Counter()
    for finding in findings:
        seen[finding._place] += 1  # noqa: SLF001  (of this module)
        number = seen[finding._place]  # noqa: SLF001
        yield finding if number == 1 else replace(finding, cause=f"{finding.cause} ({number})".strip())
