"""How far a static run is: its phase, the checks that are done, and the time left."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from osh_conformance.progress import duration

if TYPE_CHECKING:
    from osh_conformance.report.result import RunReport

#: Below it, the speed so far says nothing about the rest.
_KNOWN = 0.05


@dataclass(slots=True)
class CheckProgress:
    """The text of the status line of a static run; another thread asks for it.

    Checks are counted, not charts: pytest runs a rule on all charts before the next rule.
    """

    phase: str = "find the charts"
    _report: RunReport | None = None
    _checks: int = 0
    _started: float = field(default_factory=time.monotonic)

    def begin(self, report: RunReport, rules: int) -> None:
        """Begin with the checks: each chart of the run by so many rules."""
        self._report, self._checks = report, report.charts * rules
        self._started = time.monotonic()
        self.phase = "check"

    def end(self, phase: str) -> None:
        """Begin with what follows the checks."""
        self._report, self.phase = None, phase

    def text(self) -> str:
        """Return the phase, and how much of it is done."""
        report, total = self._report, self._checks
        if report is None or not total:
            return self.phase
        done = len(report.checks)
        charts = len({check.chart for check in report.checks[:done]})
        counts = f"{charts} of {report.charts} charts, {done} of {total} checks"
        return f"{self.phase}: {counts}{self._left(done / total)}"

    def _left(self, share: float) -> str:
        if not _KNOWN <= share < 1:
            return ""
        return f", about {duration((time.monotonic() - self._started) * (1 / share - 1))} left"
