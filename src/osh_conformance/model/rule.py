"""A rule of conformance: its demand, its source, and the findings that it makes."""

from __future__ import annotations

from dataclasses import dataclass

from osh_conformance.model.finding import Finding, Location, Severity, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One sentence of the conformance rule that can be checked, with the source that it is taken from.

    `why` says what goes wrong for an operator otherwise, `fix` what the author of a chart does to keep the rule.
    `before` and `after` are YAML, a part of values or of a manifest: `before` breaks the rule, and `after` is the same
    part, fixed. `scenarios` are names or groups of scenarios in which the rule is checked although they do not list it:
    a rule of another distribution cannot be in their files.
    """

    id: str
    title: str
    source: str
    why: str
    fix: str
    before: str = ""
    after: str = ""
    scenarios: tuple[str, ...] = ()

    @property
    def family(self) -> str:
        """Return the part of the id before the dash."""
        return self.id.partition("-")[0]

    def finding(  # noqa: PLR0913  (the fields of a message)
        self,
        place: Location,
        *,
        found: str,
        expected: str,
        why: str = "",
        fix: str = "",
        cause: str = "",
        warning: bool = False,
    ) -> Finding:
        """Return a finding of this rule at `place`; `why` and `fix` are the rule's own where none is given.

        `warning` makes it one that fails no chart (without `--strict`).
        """
        return Finding(
            rule=self.id,
            chart=place.chart,
            path=place.path,
            line=place.line,
            key=place.key,
            workload=place.workload,
            container=place.container,
            containers=place.containers,
            found=found,
            expected=expected,
            why=why or self.why,
            fix=fix or self.fix,
            cause=cause,
            severity=Severity.WARNING if warning else Severity.ERROR,
            status=Status.WARNING if warning else Status.FAIL,
        )
