"""One trial: run, kill, collect, check."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ci.kills.drawing import Kill, last_step, without_cluster
from ci.kills.home import COLLECT, LONGEST, Home
from ci.kills.leftovers import Leftovers, Traces
from ci.kills.outcome import Row
from ci.kills.processes import GONE, kill_session
from osh_conformance.errors import SuiteError

if TYPE_CHECKING:
    from pathlib import Path

    from ci.kills.bystanders import Bystanders
    from ci.kills.making import Kept
    from osh_conformance.provision.docker import Docker


@dataclass(slots=True, kw_only=True)
class Trial:
    """Starts runs, kills them, runs `gc` and checks what is left."""

    chart: Path
    docker: Docker
    own: Home
    kept: Kept
    bystanders: Bystanders
    rows: list[Row] = field(default_factory=list)
    durations: dict[tuple[str, bool], float] = field(default_factory=dict)
    leftovers: dict[bool, Leftovers] = field(init=False)

    def __post_init__(self) -> None:
        spared = self.kept.run.cluster
        self.leftovers = {
            False: Leftovers(docker=self.docker, home=self.own),
            True: Leftovers(docker=self.docker, home=self.kept.home, spared=spared),
        }

    def measure(self, scenario: str) -> None:
        """Measure a complete run, and check that it leaves nothing behind."""
        say(f"a complete run of {scenario}, without a kill")
        looking = self.leftovers[False]
        looking.expect()
        code, printed, seconds = self.own.run("live", self.chart, "--scenario", scenario, within=LONGEST)
        if code:
            raise SuiteError(f"a complete run ended with exit code {code}", expected="0", details=printed)
        self.durations[scenario, False] = seconds
        self.durations[scenario, True] = without_cluster(seconds, printed)
        traces = looking.traces(printed)
        harmed, added = self.bystanders.check()
        self._note(
            Row(
                name="-",
                scenario=scenario,
                variant="nobody",
                seconds=seconds,
                step="complete",
                collected=None,
                left=(*looking.found(traces), *added),
                harmed=harmed,
            )
        )

    def kill(self, kill: Kill) -> None:
        """Run one round. A run that ended before its kill is repeated, and killed earlier."""
        if (kill.scenario, kill.kept) not in self.durations:
            self.measure(kill.scenario)
        while not self._killed(kill, self.durations[kill.scenario, kill.kept] * kill.fraction):
            say("  it ended before the kill: once more")

    def _killed(self, kill: Kill, moment: float) -> bool:
        where = f" on the kept cluster {self.kept.run.cluster}" if kill.kept else ""
        say(f"round {kill.number}: {kill.scenario}{where}; the {kill.variant} is killed after {moment:.1f} s")
        home, looking = (self.kept.home if kill.kept else self.own), self.leftovers[kill.kept]
        looking.expect()
        with home.started("live", self.chart, "--scenario", kill.scenario) as call:
            if call.has_ended(moment):
                self.durations[kill.scenario, kill.kept] = call.seconds
                return False
            seconds = call.seconds
            step = last_step(call.printed)
            if kill.variant == "process":
                call.child.kill()
                call.child.wait(GONE)
            else:
                kill_session(call.child, home.mark)
            printed = call.printed
        traces = looking.traces(printed)
        code, output, collected = home.run("gc", within=COLLECT)
        left = [f"exit code {code} of gc: {output}"] if code else []
        left += looking.found(traces)
        harmed, added = self.bystanders.check()
        left += added
        again, more, _ = home.run("gc", within=COLLECT)
        if again or "nothing to remove" not in more:
            left.append(f"a second gc found more: {more.strip()}")
        self._note(
            Row(
                name=str(kill.number),
                scenario=kill.scenario,
                variant=kill.variant,
                seconds=seconds,
                step=f"{step} (kept cluster)" if kill.kept else step,
                collected=collected,
                left=tuple(left),
                harmed=harmed,
            )
        )
        if left or harmed:
            say(f"  the run had printed:\n{printed}\n  gc printed:\n{output}")
        return True

    def check_late(self) -> tuple[str, ...]:
        """Return leftovers that appeared late: Docker may be slow to finish a command."""
        nothing = Traces(containers=frozenset(), networks=frozenset(), volumes=frozenset())
        # With few kills, none may have used the kept cluster.
        begun = [looking for looking in self.leftovers.values() if looking.before]
        left = [each for looking in begun for each in looking.found(nothing)]
        harmed, added = self.bystanders.check()
        return (*left, *added, *harmed)

    def _note(self, row: Row) -> None:
        self.rows.append(row)
        gc = "" if row.collected is None else f"; gc {row.collected:.1f} s"
        intact = "HARMED" if row.harmed else "intact"
        say(f"  {row.step}, {row.seconds:.1f} s{gc}; left: {len(row.left)}; bystanders {intact}")
        for each in row.left:
            say(f"  LEFT    {each}")
        for each in row.harmed:
            say(f"  HARMED  {each}")


def say(text: str) -> None:
    """Print a line, at once."""
    print(text, flush=True)
