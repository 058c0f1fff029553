"""The levels of rules: a project makes a rule a warning or an error, or switches it off, everywhere or in some paths.

In the configuration file:

    [severity]
    SCRIPT = "warning"
    REF-3 = {"values_overrides/*" = "warning", "vendor" = "off"}
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from osh_conformance.config import path_patterns
from osh_conformance.model.finding import Finding, Severity, Status, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Level(StrEnum):
    """What a finding of a rule is: `OFF` is none."""

    ERROR = "error"
    WARNING = "warning"
    OFF = "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleLevel:
    """The level of some rules.

    - rules: their ids.
    - level: what their findings are.
    - path: an absolute pattern of the files in which they are so, "" for everywhere.
    """

    rules: frozenset[str]
    level: Level
    path: str = ""

    def applies(self, rule: str, paths: Iterable[str]) -> bool:
        """Whether it is about a finding of `rule` in one of the absolute `paths`."""
        return rule in self.rules and (not self.path or any(path_patterns.matches(path, [self.path]) for path in paths))


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """The levels of a project; of several that apply the last one counts.

    - entries: families before ids, and what holds everywhere before paths.
    - exclude: absolute patterns of charts that are not checked, and of files that have no findings.
    """

    entries: tuple[RuleLevel, ...] = ()
    exclude: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Return whether there is anything to apply."""
        return bool(self.entries or self.exclude)

    def excludes(self, path: str) -> bool:
        """Whether the absolute `path` is excluded."""
        return path_patterns.matches(path, self.exclude)

    def with_rules(self, rules: frozenset[str]) -> Levels:
        """Return the levels in which these rules are not off everywhere."""
        entries = (
            replace(entry, rules=entry.rules - rules) if entry.level is Level.OFF and not entry.path else entry
            for entry in self.entries
        )
        return replace(self, entries=tuple(entries))

    def off(self) -> frozenset[str]:
        """Return the ids of the rules that are off everywhere."""
        last: dict[str, Level] = {}
        somewhere: set[str] = set()
        for entry in self.entries:
            if entry.path:
                somewhere |= entry.rules if entry.level is not Level.OFF else frozenset()
            else:
                last |= dict.fromkeys(entry.rules, entry.level)
        return frozenset(rule for rule, level in last.items() if level is Level.OFF) - somewhere

    def applied(self, verdict: Verdict, paths_of: Callable[[Finding], tuple[str, ...]]) -> Verdict:
        """Return the verdict with the findings of these levels; `paths_of` returns the absolute paths of a finding."""
        if not self or not (verdict.findings or verdict.dormant):
            return verdict
        findings = tuple(self._graded(verdict.findings, paths_of))
        dormant = tuple(self._graded(verdict.dormant, paths_of))
        if findings == verdict.findings:
            return replace(verdict, dormant=dormant)
        if verdict.status in (Status.FAIL, Status.PASS):
            failed = any(finding.status is Status.FAIL for finding in findings)
            verdict = replace(verdict, status=Status.FAIL if failed else Status.PASS)
        return replace(verdict, findings=findings, dormant=dormant)

    def _graded(self, findings: Iterable[Finding], paths_of: Callable[[Finding], tuple[str, ...]]) -> Iterable[Finding]:
        for finding in findings:
            paths = paths_of(finding)
            if any(map(self.excludes, paths[:1])):
                continue
            level = next((e.level for e in reversed(self.entries) if e.applies(finding.rule, paths[:1])), None)
            if level is None or finding.status not in (Status.FAIL, Status.WARNING):
                yield finding
            elif level is Level.ERROR:
                yield replace(finding, severity=Severity.ERROR, status=Status.FAIL)
            elif level is Level.WARNING:
                yield replace(finding, severity=Severity.WARNING, status=Status.WARNING)


#: Those of a project without any.
NONE = Levels()
