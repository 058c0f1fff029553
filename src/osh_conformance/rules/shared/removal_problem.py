"""Something wrong after an uninstall: what the checks of DROP-4 to DROP-7 yield."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from osh_conformance.rules.shared.live import place

if TYPE_CHECKING:
    from osh_conformance.model.finding import Finding
    from osh_conformance.model.observation import Observation
    from osh_conformance.model.rule import Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovalProblem:
    """Something wrong after an uninstall, before a rule makes a finding of it.

    `cause` distinguishes the problems of one uninstall. `warning`: the release is not certain to be the reason.
    """

    cause: str
    found: str
    expected: str
    fix: str = ""
    warning: bool = False

    def finding(self, rule: Rule, observation: Observation, *, when: str = "") -> Finding:
        """Return the finding of `rule`, with `when` before `found` and `cause`. Without a fix it has the rule's."""
        prefix = f"{when}: " if when else ""
        return rule.finding(
            place(observation, key="db_drop"),
            found=f"{prefix}{self.found}",
            expected=self.expected,
            fix=self.fix,
            cause=f"{prefix}{self.cause}",
            warning=self.warning,
        )
