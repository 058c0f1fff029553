"""A conformance rule: its requirement, its source, and its findings."""

from __future__ import annotations

from dataclasses import dataclass

from osh_conformance.model.finding import Finding, Location, Severity, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One requirement of the conformance rule that the suite can check.

    - id: such as `DROP-6`.
    - title: the requirement in one sentence.
    - source: the sentence of the conformance rule that it comes from.
    - why: the consequence of a violation for an operator.
    - fix: how the chart's author complies.
    - blind: what the rule does not look at, so that nobody takes its silence for a verdict.
    - before, after: YAML, a part of values or of a manifest. `before` violates the rule, `after` complies.
    - scenarios: names or groups of scenarios that also check the rule. A rule from another package needs this, because
      the suite's scenario files cannot list it.
    - reduced: whether a reduced run (`live --reduced`) can judge the rule: it installs little more than the Jobs that
      create and drop the database.
    """

    id: str
    title: str
    source: str
    why: str
    fix: str
    blind: str = ""
    before: str = ""
    after: str = ""
    scenarios: tuple[str, ...] = ()
    reduced: bool = False

    @property
    def family(self) -> str:
        """The part of the id before the dash."""
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
        """Return a finding of this rule at `place`. `why` and `fix` default to the rule's own.

        `warning`: the finding fails the check only with `--strict`.
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
            anchor=place.anchor,
            shared=place.shared,
            also=place.also,
            dormant=place.dormant,
            found=found,
            expected=expected,
            why=why or self.why,
            fix=fix or self.fix,
            cause=cause,
            severity=Severity.WARNING if warning else Severity.ERROR,
            status=Status.WARNING if warning else Status.FAIL,
        )
