"""What is done to a release, as data: a file of `data/scenarios/` is one of these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum


class ScenarioGroup(StrEnum):
    """Which runs a scenario is part of.

    `MAIN` is every run, `LIFECYCLE` and `FAULTS` what is asked for by name, `ENVIRONMENT` what strikes the whole
    cluster, so that nothing else may run there.
    """

    MAIN = "main"
    LIFECYCLE = "lifecycle"
    FAULTS = "faults"
    ENVIRONMENT = "environment"


class Do(StrEnum):
    """What a step does."""

    INSTALL = "install"
    UPGRADE = "upgrade"
    TEST = "test"
    SQL = "sql"
    SESSIONS = "sessions"
    STRIKE = "strike"
    REPAIR = "repair"
    UNINSTALL = "uninstall"
    RECOVER = "recover"


class Until(StrEnum):
    """How far an install is waited for.

    `READY`: every workload is. `DATABASE`: the server shows the release's databases and accounts, and no more.
    `FAILED`: helm has given up waiting (`--wait`) because the database's Service is withheld; then it appears.
    """

    READY = "ready"
    DATABASE = "database"
    FAILED = "failed"


class ExpectedData(StrEnum):
    """What an uninstall must leave of the release's data.

    `GONE_ALREADY`: the release is not there any more, so whatever has its names now belongs to somebody else.
    """

    DROPPED = "dropped"
    KEPT = "kept"
    GONE_ALREADY = "gone-already"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioStep:
    """One thing that is done. Which fields count depends on `do`.

    - install: `drop` is the state of the drop switch (default: the scenario's), `hold` the seconds for which the
      database's Service is still withheld after all pods that need it were seen waiting, `until` how far it is waited
      for. `previous`: what is installed is the chart's previous version. `second`: another release of the
      chart, in a namespace of its own, on the same server.
    - upgrade: to `drop`, and to this version of the chart.
    - test: the chart's own tests, if it has any.
    - sql: statements of the server's administrator; with `each` (`database` or `account`) once for each of the
      release's, as `{database}` and `{name}` (quoted, and bare for names made of it), or `{account}` and `{user}`.
    - sessions: `count` connections of each account of the release; `transaction`: each has read a table of each
      database in a transaction that stays open.
    - strike: a fault by its name. It lasts until a `repair`, or until `recover` has repaired it.
    - uninstall: `hooks` false is `--no-hooks`; `fate` is what must become of the data (default: what the switch says).
      With `strike` the fault comes when the drop is under way, which is made to take long.
    - recover: where the uninstall failed: the Job's time is waited out, everything repaired, the server watched for
      `seconds` while somebody else uses it, and the release uninstalled again.
    """

    do: Do
    drop: bool | None = None
    hold: float = 0.0
    until: Until = Until.READY
    previous: bool = False
    second: bool = False
    sql: str = ""
    each: str = ""
    count: int = 1
    transaction: bool = False
    strike: str = ""
    hooks: bool = True
    fate: ExpectedData | None = None
    seconds: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PullProbe:
    """A pod with one pull policy and a repository of its own. `present`: the node holds the image before it starts.

    `starts` says whether it must run, `asks` whether the registry must be asked at that start.
    """

    policy: str
    present: bool
    starts: bool
    asks: bool

    @property
    def name(self) -> str:
        """`never-absent`, as pods and repositories are called."""
        return f"{self.policy.lower()}-{'present' if self.present else 'absent'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What is done to a release, and which rules judge what was seen.

    `db_drop` is the state of the drop switch where no step says otherwise. `names` are what the service's database is
    told to be called (`database`, `username`, `password`), and `tls` that it is reached by TLS only: both need a way
    through values. `quick`: the drop Job is told to give up soon, where the convention has a way. `drop_image` says
    what the registry answers for the image of the drop Job until it is repaired: 404, 429, 500, or `cut` for a layer
    that ends midway. `repeated`: the steps are there several times. `probes` are pods of the suite's own, and no
    release: what they show is the same for every chart and flavor, so one cell of each container runtime runs them.
    """

    name: str
    summary: str
    rules: tuple[str, ...]
    table: ScenarioGroup = ScenarioGroup.MAIN
    db_drop: bool = False
    names: Mapping[str, str] = field(default_factory=dict)
    tls: bool = False
    quick: bool = False
    drop_image: str = ""
    steps: tuple[ScenarioStep, ...] = ()
    repeated: bool = False
    probes: tuple[PullProbe, ...] = ()

    def times(self, number: int) -> Scenario:
        """The scenario whose steps are gone through so often, judged by LIFE-2; things are withheld only at first."""
        if number == 1 or not self.steps:
            return self
        again = tuple(replace(step, hold=0.0) for step in self.steps)
        steps = self.steps + again * (number - 1)
        return replace(self, steps=steps, repeated=True, rules=(*self.rules, "LIFE-2"))

    @property
    def has_second(self) -> bool:
        """Whether a second release of the chart has a part in it."""
        return any(step.second for step in self.steps)

    @property
    def faults(self) -> tuple[str, ...]:
        """The names of the faults that strike in it."""
        return tuple(step.strike for step in self.steps if step.strike)
