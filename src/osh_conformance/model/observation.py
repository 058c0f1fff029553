"""What one scenario on one cell showed: what the live rules judge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from osh_conformance.model.chart import DeclaredChart, Role
from osh_conformance.model.matrix import Cell
from osh_conformance.model.scenario import ExpectedData, PullProbe, Scenario

#: The CRI's and kubelet's reasons where a container's own first program was not started; the rest is in the message.
_NOT_STARTED = ("StartError", "ContainerCannotRun", "RunContainerError", "CreateContainerError")
_MISSING = ("no such file or directory", "not found", "permission denied", "executable file")


def not_started(reason: str) -> bool:
    """Whether a container with this reason never ran its first program."""
    return reason in _NOT_STARTED


def lacks_program(reason: str, message: str) -> bool:
    """Whether a container was not started because its image lacks what it should run: so ends every other try."""
    return not_started(reason) and any(word in message.lower() for word in _MISSING)


class Step(StrEnum):
    """The moments at which the database server is asked."""

    BEFORE = "before"
    INSTALLED = "installed"
    AFTER = "after"


@dataclass(frozen=True, slots=True, kw_only=True)
class TableState:
    """Rows of a table and the server's checksum over them (None where the engine has none).

    `rows` is None where somebody held a lock on the table: a statement that drops it, and waits itself.
    """

    rows: int | None
    checksum: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseState:
    """All that the server holds but its own: `databases[name][table]`, and `accounts["user@host"]` with grants.

    `waiting` are the DROP statements that waited for a lock, each with what the server says that it waits for;
    `locked` the accounts with which nobody can log in.
    """

    databases: Mapping[str, Mapping[str, TableState]]
    accounts: Mapping[str, tuple[str, ...]]
    waiting: tuple[str, ...] = ()
    locked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HelmCall:
    """One call of the helm program: `action` is install, upgrade or uninstall, `output` the last lines it printed.

    `killed`: the suite ended it, with SIGKILL.
    """

    action: str
    command: str
    code: int
    seconds: float
    output: str
    killed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseLifetime:
    """A release from its install on: what the server held before it and once it was installed, and its pods by name.

    `unsettled` is what was waited for in vain; "" where it got as far as the scenario waits.
    """

    release: str
    before: DatabaseState
    installed: DatabaseState
    pods: tuple[str, ...] = ()
    unsettled: str = ""

    @property
    def databases(self) -> tuple[str, ...]:
        """The release's databases: what the server has more than before."""
        return tuple(sorted(set(self.installed.databases) - set(self.before.databases)))

    @property
    def accounts(self) -> tuple[str, ...]:
        """The release's accounts, as `user@host`."""
        return tuple(sorted(set(self.installed.accounts) - set(self.before.accounts)))


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedUninstall:
    """What followed an uninstall that failed, while nothing of the release's data may be touched any more.

    `timeout` is what helm was given, in seconds, `deadline` the drop Job's own (None: it has none). `missing` are
    objects of the release that the failed uninstall deleted, as `Kind/name`. `unfinished` are drop Jobs that could
    still act when helm had ended and their deadline was over; `acted` their containers that ran in the `watched`
    seconds after that. `stood` is what the server held when that time was over and nothing was repaired yet, as far as
    it is known. `watch_began` and `watch_ended` are what it held then, with the tables of a `tenant` in the release's
    databases.
    """

    timeout: float
    deadline: float | None
    missing: tuple[str, ...]
    unfinished: tuple[str, ...]
    acted: tuple[str, ...]
    watched: float
    watch_began: DatabaseState
    watch_ended: DatabaseState
    tenant: str
    stood: DatabaseState | None = None
    #: What the containers of the drop Jobs printed, by `pod container`.
    told: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """One uninstall of a release: what the server held just before it, and after it.

    `life` counts in the observation's `lives`. `leftovers` are Jobs and pods of the release that still existed when the
    time of the uninstall was over, as `Kind/name`. `faults` are the ids of those that lasted, and of the one that was
    injected while the drop ran; `fault_applied` is false where that one came too late. `reachable`: at the end of the
    uninstall no fault kept the drop Job from the server. `is_retry`: it follows one that failed. `ran` are the
    containers of drop Jobs that started for it, as `Kind/name container`.
    """

    life: int
    fate: ExpectedData
    call: HelmCall
    populated: DatabaseState
    after: DatabaseState
    leftovers: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    fault_applied: bool = True
    reachable: bool = True
    is_retry: bool = False
    ran: tuple[str, ...] = ()
    aftermath: FailedUninstall | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceUsage:
    """Numbers after an uninstall: objects of the namespace by kind, what the server holds, what cluster and nodes have.

    `nodes` counts what other cells have there too; `suite_bytes` is the memory that this program holds.
    """

    objects: Mapping[str, int]
    server: Mapping[str, int]
    nodes: Mapping[str, int]
    suite_bytes: int

    @property
    def own(self) -> Mapping[str, int]:
        """Those that nobody but the release changes."""
        return {**self.objects, **self.server}

    @property
    def numbers(self) -> Mapping[str, int]:
        """All of them, by what they count."""
        return {**self.own, **self.nodes, "memory of the suite": self.suite_bytes}


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedContainer:
    """A container as the API showed it last. Times are RFC 3339; `image_id` is what the CRI says that runs."""

    pod: str
    workload: str
    name: str
    role: Role
    image: str
    pull_policy: str
    image_id: str = ""
    state: str = "waiting"
    reason: str = ""
    #: What the CRI or the container itself said last, where it did not end well.
    message: str = ""
    #: Of its latest end, also where it was started again since.
    last_exit_code: int | None = None
    last_reason: str = ""
    exit_code: int | None = None
    started_at: str = ""
    finished_at: str = ""
    restarts: int = 0

    @property
    def label(self) -> str:
        """`Kind/name container`, as messages say it."""
        return f"{self.workload} {self.name}"

    @property
    def ran(self) -> bool:
        """Whether it was started at all."""
        return bool(self.started_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedImage:
    """An image of the cell: where it came from, and every digest that a pull of the reference may give.

    `media_types` are those of the manifests and layers behind these digests, as the registry serves them; a node takes
    them by digest, so it cannot have got others.
    """

    reference: str
    origin: str
    digests: tuple[str, ...]
    media_types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedPull:
    """What a probe showed: whether its container started, what the CRI said if not, and what the registry was asked.

    `requests` are `METHOD reference status`, in order, from the moment the pod was made.
    """

    probe: PullProbe
    started: bool
    reason: str
    requests: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeProof:
    """What ran the pods of a cell, by the word of the CRI and by what lies in the node.

    `handlers` has the CRI's handler of each pod sandbox, `traced` by container (`pod/container`) the OCI runtime whose
    state files the node holds for it, `parents` the program that is the parent of each container's first process.
    """

    cri: str
    handlers: Mapping[str, str]
    traced: Mapping[str, str]
    parents: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartTests:
    """How a chart's own tests ended in the cell: pytest's exit code, its lines on what failed, and what it printed."""

    code: int
    failed: tuple[str, ...]
    output: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DependencyWithheld:
    """What happened while the database's Service was withheld, for the pods with a dep_check container.

    `waiting` had their dep_check running, `early` had a main container started all the same (as `Kind/name`).
    """

    seconds: float
    waiting: tuple[str, ...]
    early: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityState:
    """What Keystone itself answered the administrator: HTTP status of the token request, and what is registered."""

    token_status: int
    users: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    endpoints: tuple[str, ...] = ()
    administrator: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """Everything that one scenario on one cell showed."""

    cell: Cell
    scenario: Scenario
    declared: DeclaredChart
    release: str
    namespace: str
    node_runtime: str
    helm: tuple[HelmCall, ...]
    containers: tuple[ObservedContainer, ...]
    images: tuple[PublishedImage, ...]
    lives: tuple[ReleaseLifetime, ...] = ()
    removals: tuple[Removal, ...] = ()
    hold: DependencyWithheld | None = None
    identity: IdentityState | None = None
    #: The release of the service in the cell's images, "" where the flavor does not say.
    release_of_service: str = ""
    pulls: tuple[ObservedPull, ...] = ()
    #: None where nodes cannot be entered.
    runtime: RuntimeProof | None = None
    #: The RuntimeClass of every pod that was ever seen, hooks included, by pod; "" for the node's own.
    runtime_classes: Mapping[str, str] = field(default_factory=dict)
    own_tests: ChartTests | None = None
    #: After each uninstall, where the steps are gone through more than once.
    gauges: tuple[ResourceUsage, ...] = ()
    #: Seconds by step.
    seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def database(self) -> Mapping[Step, DatabaseState]:
        """What the server held before the first release, once it was installed, and after the last uninstall."""
        found = {Step.BEFORE: self.lives[0].before, Step.INSTALLED: self.lives[0].installed} if self.lives else {}
        return found | ({Step.AFTER: self.removals[-1].after} if self.removals else {})

    @property
    def leftovers(self) -> tuple[str, ...]:
        """`Kind/name` of the Jobs and pods that were still there after the last uninstall."""
        return self.removals[-1].leftovers if self.removals else ()

    @property
    def unsettled(self) -> str:
        """What a release did not get to: "" where each settled before the deadline."""
        return next((life.unsettled for life in self.lives if life.unsettled), "")

    def helm_call(self, action: str) -> HelmCall | None:
        """The last call of `action`."""
        return next((call for call in reversed(self.helm) if call.action == action), None)
