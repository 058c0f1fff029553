"""The record of one scenario on one cell. The live rules check it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus

from osh_conformance.model.chart import DeclaredChart, Role
from osh_conformance.model.matrix import Cell
from osh_conformance.model.scenario import ExpectedData, PullProbe, Scenario

#: The reasons that the CRI and the kubelet give if a container's program did not start. The message has the details.
_NOT_STARTED = ("StartError", "ContainerCannotRun", "RunContainerError", "CreateContainerError")
#: The names of all tables that the suite puts into a release's databases begin with it.
SUITE_TABLES = "osh_conformance_"
#: The table that the suite puts, with a row, into each of a release's databases once it is installed.
MARK = f"{SUITE_TABLES}mark"
#: What the API server says of a drop Job with a container that has no image.
NO_IMAGE = ".image: Required value"
#: `Removal.with_image` of a drop that did its task once it had an image.
WORKED_WITH_IMAGE = "helm uninstall ended with exit code 0, and nothing of the release is still on the server"
_MISSING = ("no such file or directory", "not found", "permission denied", "executable file")
#: gVisor's messages quote the container's command line, and may be about a socket of its own.
_OF_GVISOR = re.compile(r"creating container: |starting (sub-|root )container")
_MISSING_BY_GVISOR = re.compile(
    r'(error finding executable "[^"]*" in path \[[^]]*\]|failed to load \S+): '
    r"(no such file or directory|permission denied)"
)


def not_started(reason: str) -> bool:
    """Return whether the program of a container with this reason never started."""
    return reason in _NOT_STARTED


def lacks_program(reason: str, message: str) -> bool:
    """Return whether a container did not start because its image lacks the program. Another try would fail too."""
    text = message.lower()
    if not not_started(reason):
        return False
    return bool(_MISSING_BY_GVISOR.search(text)) if _OF_GVISOR.search(text) else any(word in text for word in _MISSING)


class Moment(StrEnum):
    """The moments at which the suite queries the servers that a release uses.

    - BEFORE: before the first install.
    - INSTALLED: when the first release is installed.
    - AFTER: after the last uninstall.
    """

    BEFORE = "before"
    INSTALLED = "installed"
    AFTER = "after"


@dataclass(frozen=True, slots=True, kw_only=True)
class TableState:
    """The content of one table.

    - rows: the number of rows, None if another client locked the table (such as a waiting DROP statement).
    - checksum: the server's checksum of all rows, None if the storage engine has none.
    """

    rows: int | None
    checksum: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseState:
    """The content of the database server, without its own databases and accounts.

    - databases: `databases[name][table]`.
    - accounts: the grants of each account, by `user@host`.
    - waiting: the DROP statements that wait for a lock, each with the reason that the server gives.
    - locked: the accounts that the server does not let log in (`ACCOUNT LOCK`), as `user@host`.
    - roles: the grants of each role, by its name.
    - details: of each account or role, by name, what is not the server's default: `login` (a digest of the password's
      hash and of the plugins), `plugin`, `lock`, `expiry`, `TLS`, `limits`, `roles`, `default role`.
    - privileges: `privileges[account][database]`, the grants that are narrower than a database (on tables, columns and
      routines), and `GRANT OPTION`. The database `*` stands for all.
    - objects: `objects[database][what]`, a digest of the definition; `what` is `view NAME`, `trigger NAME`,
      `procedure NAME`, `function NAME`, `event NAME`, `table NAME` (its columns, indexes and foreign keys) or
      `character set`. A locked table's triggers are not listed. The server's own databases are there with what may be
      added to them.
    - variables: the global variables that a client has set since the server started, by name, even if it set them back.
    - commands: how often clients ran a statement that concerns the whole server since it started (`STOP SLAVE`,
      `FLUSH TABLES`), without the suite's own.
    - sessions: the open connections by id: `user@host`, or `user@host in a transaction`.
    - writes: how many statements that change data each user has run since the server started.
    - started: when the server started, in seconds since 1970; 0 if the suite did not ask.
    """

    databases: Mapping[str, Mapping[str, TableState]]
    accounts: Mapping[str, tuple[str, ...]]
    waiting: tuple[str, ...] = ()
    locked: tuple[str, ...] = ()
    roles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    details: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    privileges: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    objects: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    commands: Mapping[str, int] = field(default_factory=dict)
    sessions: Mapping[str, str] = field(default_factory=dict)
    writes: Mapping[str, int] = field(default_factory=dict)
    started: int = 0


def names_of(state: DatabaseState) -> frozenset[str]:
    """Return what a server holds as `database NAME`, `account USER@HOST` and `role NAME`."""
    kinds = (("database", state.databases), ("account", state.accounts), ("role", state.roles))
    return frozenset(f"{kind} {name}" for kind, found in kinds for name in found)


@dataclass(frozen=True, slots=True, kw_only=True)
class HelmCall:
    """One call of the helm program.

    - action: `install`, `upgrade`, `test` or `uninstall`.
    - command: the command line.
    - code: the exit code.
    - seconds: how long it took.
    - output: the last lines that helm printed.
    - killed: the suite ended it with SIGKILL.
    """

    action: str
    command: str
    code: int
    seconds: float
    output: str
    killed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseLifetime:
    """A release from its install on.

    - release: the release's name.
    - before: the database server before the install.
    - installed: the database server when the release was installed.
    - pods: the names of its pods.
    - unsettled: the condition that was not met before the deadline, "" if the install step was complete.
    - later: names of databases, accounts and roles (`database NAME`, `account NAME`, `role NAME`) that came after
      `installed` was read, up to the first uninstall, and that no step made. They are the release's too.
    - taken: those that a step took away after `installed` was read, named in the same way.
    - marked: the databases that must have the table `MARK` with its row: the suite put it there after the install, and
      no step took it.
    """

    release: str
    before: DatabaseState
    installed: DatabaseState
    pods: tuple[str, ...] = ()
    unsettled: str = ""
    later: tuple[str, ...] = ()
    taken: tuple[str, ...] = ()
    marked: tuple[str, ...] = ()

    @property
    def databases(self) -> tuple[str, ...]:
        """The release's databases: those that the install added, or that came later, sorted."""
        return self._own("database", set(self.installed.databases) - set(self.before.databases))

    @property
    def accounts(self) -> tuple[str, ...]:
        """The release's accounts: those that the install added, or that came later, as `user@host`, sorted."""
        return self._own("account", set(self.installed.accounts) - set(self.before.accounts))

    @property
    def roles(self) -> tuple[str, ...]:
        """The release's roles: those that the install added, or that came later, sorted."""
        return self._own("role", set(self.installed.roles) - set(self.before.roles))

    def _own(self, kind: str, installed: set[str]) -> tuple[str, ...]:
        later = {name.removeprefix(f"{kind} ") for name in self.later if name.startswith(f"{kind} ")}
        return tuple(sorted(installed | later))


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedUninstall:
    """The time after an uninstall that failed. From then on, the chart must not touch the release's data.

    - timeout: helm's `--timeout`, in seconds.
    - deadline: the drop Job's `activeDeadlineSeconds`, None if it has none.
    - missing: the release's objects that the failed uninstall deleted, as `Kind/name`.
    - unfinished: the drop Jobs that were still active after helm's end and after their deadline, as `Job/name`.
    - acted: the containers of drop Jobs that ran while the suite watched, as `Kind/name container`.
    - watched: how long the suite watched after the repair, in seconds.
    - watch_began, watch_ended: the database server at the start and at the end of the watch. Another service has
      created tables in the release's databases by then.
    - before_repair: the database server after the Jobs' deadlines and before the repair. If a fault made the server
      unreadable, its state before the uninstall. None if the suite did not read it.
    - logs: the output of the drop Jobs' containers, by `pod container`.
    """

    timeout: float
    deadline: float | None
    missing: tuple[str, ...]
    unfinished: tuple[str, ...]
    acted: tuple[str, ...]
    watched: float
    watch_began: DatabaseState
    watch_ended: DatabaseState
    before_repair: DatabaseState | None = None
    logs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """One uninstall of a release.

    - lifetime: the index of the release in `Observation.lifetimes`.
    - expected_data: what the uninstall must do with the release's data.
    - call: the call of `helm uninstall`.
    - populated: the database server immediately before the uninstall.
    - looked: whether `populated` was read for this uninstall: a fault may make that impossible, and it is an earlier
      look then. None in older recordings.
    - after: the database server after the uninstall.
    - leftovers: the release's Jobs and pods that still existed after the wait for their end, as `Kind/name`.
    - faults: the ids of the lasting faults, and of the fault that the step injected during the drop.
    - fault_applied: False if the drop was over before that fault was injected.
    - reachable: at the end of the uninstall, no fault kept the drop Job from the database server.
    - is_retry: it follows a failed uninstall.
    - ran: the containers of drop Jobs that it started, as `Kind/name container`.
    - failure: the time after this uninstall, if it failed and the scenario has a `recover` step.
    - repeated_failure: the last line of a container of a drop Job that ended with the same error and this line each
      time, "" if there was none. If its Job would have tried again, the suite interrupted helm: a negative `call.code`.
    - repeated_by: that container as `Kind/name container`, and its exit code, in words.
    - with_image: what happened when the chart got an image for a drop Job that the API server had refused for want of
      one: in a second uninstall, which no other field describes. "" if there was none.
    - logs: the last lines of the containers of the Jobs that it started, without secrets, by `pod container`; of one
      that ended several times, those of the latest attempt.
    """

    lifetime: int
    expected_data: ExpectedData
    call: HelmCall
    populated: DatabaseState
    after: DatabaseState
    leftovers: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    fault_applied: bool = True
    reachable: bool = True
    is_retry: bool = False
    ran: tuple[str, ...] = ()
    failure: FailedUninstall | None = None
    repeated_failure: str = ""
    repeated_by: str = ""
    with_image: str = ""
    logs: Mapping[str, str] = field(default_factory=dict)
    looked: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceUsage:
    """Numbers after an uninstall, each by the kind of thing that it counts.

    - objects: the objects in the release's namespace.
    - server: the content of the database server, and of the message queue.
    - nodes: the resources of the cluster and its nodes, those of other cells included.
    - suite_bytes: the memory of this program, in bytes.
    """

    objects: Mapping[str, int]
    server: Mapping[str, int]
    nodes: Mapping[str, int]
    suite_bytes: int

    @property
    def own(self) -> Mapping[str, int]:
        """The numbers that only the release changes."""
        return {**self.objects, **self.server}

    @property
    def numbers(self) -> Mapping[str, int]:
        """All numbers."""
        return {**self.own, **self.nodes, "memory of the suite": self.suite_bytes}


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedContainer:
    """A container in the latest state that the API server reported.

    - pod: the pod's name.
    - workload: `Kind/name` of the workload that owns the pod.
    - name: the container's name.
    - role: its role in the workload.
    - image: the reference in the pod's spec.
    - pull_policy: the `imagePullPolicy` in the pod's spec.
    - pull_secrets: the names in the pod's `imagePullSecrets`, those of its ServiceAccount included.
    - image_id: the image that runs, as the CRI reports it.
    - state: `waiting`, `running` or `terminated`.
    - reason: the reason of that state.
    - message: the latest message of the CRI or the container about a failure.
    - last_exit_code, last_reason: those of its latest end, even if it was restarted since.
    - exit_code: None unless it has terminated.
    - started_at, finished_at: RFC 3339, "" if it has not started or not ended.
    - restarts: how often it was restarted.
    """

    pod: str
    workload: str
    name: str
    role: Role
    image: str
    pull_policy: str
    pull_secrets: tuple[str, ...] = ()
    image_id: str = ""
    state: str = "waiting"
    reason: str = ""
    message: str = ""
    last_exit_code: int | None = None
    last_reason: str = ""
    exit_code: int | None = None
    started_at: str = ""
    finished_at: str = ""
    restarts: int = 0

    @property
    def label(self) -> str:
        """`Kind/name container`, for messages."""
        return f"{self.workload} {self.name}"

    @property
    def ran(self) -> bool:
        """Whether it has started."""
        return bool(self.started_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedImage:
    """An image of the cell.

    - reference: the reference in the pod's spec.
    - origin: `published`, `built`, `stand-in` or `unknown`.
    - digests: every digest that a pull of the reference may return.
    - media_types: the types of the manifests and layers behind these digests, as the registry serves them. A node
      pulls them by digest, so it got exactly these.
    """

    reference: str
    origin: str
    digests: tuple[str, ...]
    media_types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedPull:
    """The result of a probe.

    - probe: the probe.
    - started: whether its container started.
    - reason: the CRI's reason, if the container did not start.
    - requests: the requests to the registry since the pod was created, in order, as `METHOD reference status`.
    """

    probe: PullProbe
    started: bool
    reason: str
    requests: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PodNode:
    """Where a pod ran.

    - pod: the pod's name.
    - node: the node that the scheduler gave it to.
    - runtime: what that node reports, such as `containerd://2.1.3`; "" if the cluster no longer has the node.
    - handler: the handler of the pod's RuntimeClass, if the cell's runtime is known by it.
    """

    pod: str
    node: str
    runtime: str
    handler: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeProof:
    """Evidence for the runtime that ran the cell's pods: from the CRI and from the nodes' files and processes.

    - cri: the name and version of the CRI implementation.
    - handlers: the CRI's handler of each pod sandbox, by pod.
    - traced: the OCI runtime whose state files for the container are on the node, by `pod/container`.
    - parents: the program that is the parent of the container's first process, by `pod/container`.
    """

    cri: str
    handlers: Mapping[str, str]
    traced: Mapping[str, str]
    parents: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartTests:
    """The result of the chart's own tests in the cell.

    - code: pytest's exit code.
    - failed: pytest's lines about failed tests.
    - output: the tests' output.
    """

    code: int
    failed: tuple[str, ...]
    output: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HelmTest:
    """The result of `helm test` in the cell.

    - code: helm's exit code.
    - output: the last lines that helm printed.
    - ran: the test hooks of the release whose pods started, as `Kind/name`.
    - logs: the ends of the logs of their containers, by `pod container`.
    """

    code: int
    output: str
    ran: tuple[str, ...]
    logs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DependencyWithheld:
    """The pods with a dep_check container, while the database's Service was withheld.

    - seconds: how long the Service was withheld.
    - waiting: the workloads whose dep_check container was running, as `Kind/name`.
    - early: the workloads whose main container started before the Service appeared, as `Kind/name`.
    """

    seconds: float
    waiting: tuple[str, ...]
    early: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityState:
    """Keystone's answers to its administrator.

    - token_status: the HTTP status of its answer to the token request, 0 if it gave none.
    - unasked: why nobody could ask it, in the words of the API server: no Service, port or pod of it. "" otherwise.
    - silent: what the API server says of a Keystone that is there and did not answer, "" otherwise.
    - users, services, endpoints: the registered ones; of a Keystone that cells share, those of this cell.
    - administrator: the administrator's user name.
    - shared: other cells use it too.
    """

    token_status: int
    users: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    endpoints: tuple[str, ...] = ()
    administrator: str = ""
    shared: bool = False
    unasked: str = ""
    silent: str = ""

    @property
    def answered(self) -> bool:
        """Whether the administrator got a token."""
        return self.token_status == HTTPStatus.CREATED

    @property
    def answer(self) -> str:
        """What became of the token request, for a message: the end of a sentence about it."""
        if self.unasked or self.silent:
            return f"got no answer of Keystone: {self.unasked or self.silent}"
        return f"was answered by Keystone with status {self.token_status}"


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueState:
    """The content of the message queue's server, without messages.

    - users: by name their tags, and a word that is another one when the password is.
    - vhosts: the names of the virtual hosts.
    - permissions: by `user on vhost` what the user may configure, write and read there.
    """

    users: Mapping[str, str]
    vhosts: tuple[str, ...]
    permissions: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutsideState:
    """What a release may create outside its namespace and the database server.

    - queue: None if the cell has no message queue, or it could not be read.
    - identity: None if the cell uses no Keystone of another chart, or it could not be read.
    - unread: why one of them could not be read, or "".
    """

    queue: QueueState | None = None
    identity: IdentityState | None = None
    unread: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """The record of one scenario on one cell.

    - cell, scenario: what ran.
    - declared: the chart's promises with the values of this cell.
    - release, namespace: names of the first release.
    - node_runtime: what the cluster's nodes report, such as `containerd://2.1.3`; several, joined by ` or `, if they
      differ.
    - helm: all calls of helm, in order.
    - containers: all containers of the release's pods.
    - images: the images of the cell.
    - lifetimes: one for each install, in order.
    - removals: one for each uninstall, in order.
    - withheld: None if the scenario withholds no Service.
    - identity: None if the suite did not query Keystone.
    - release_of_service: the OpenStack release of the service in the images, "" if the flavor has none.
    - pulls: the results of the scenario's probes.
    - pull_secret: the name of the Secret that the chart got as its pull secret, "" if it got none.
    - refused_pulls: the pods for which the registry refused a pull, because they had no login for it.
    - runtime: None if the suite cannot run commands on the nodes.
    - pod_nodes: where each pod of the chart ran, hooks and deleted pods included, also those of a second release.
      Empty in older recordings.
    - runtime_classes: the RuntimeClass of each pod that the suite observed, hooks included, by pod; "" for the default.
    - chart_tests: None if the chart's own tests did not run.
    - helm_test: None if `helm test` did not run.
    - outside: the message queue and a Keystone of another chart, at each moment; empty if the cell has neither.
    - usage: one record after each uninstall, if the scenario's steps run several times (`--repeat`).
    - seconds: how long each part of the run took, by its name.
    """

    cell: Cell
    scenario: Scenario
    declared: DeclaredChart
    release: str
    namespace: str
    node_runtime: str
    helm: tuple[HelmCall, ...]
    containers: tuple[ObservedContainer, ...]
    images: tuple[PublishedImage, ...]
    lifetimes: tuple[ReleaseLifetime, ...] = ()
    removals: tuple[Removal, ...] = ()
    withheld: DependencyWithheld | None = None
    identity: IdentityState | None = None
    release_of_service: str = ""
    pulls: tuple[ObservedPull, ...] = ()
    pull_secret: str = ""
    refused_pulls: tuple[str, ...] = ()
    runtime: RuntimeProof | None = None
    pod_nodes: tuple[PodNode, ...] = ()
    runtime_classes: Mapping[str, str] = field(default_factory=dict)
    chart_tests: ChartTests | None = None
    helm_test: HelmTest | None = None
    outside: Mapping[Moment, OutsideState] = field(default_factory=dict)
    usage: tuple[ResourceUsage, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def database(self) -> Mapping[Moment, DatabaseState]:
        """The database server at each moment that the scenario reached."""
        found: dict[Moment, DatabaseState] = {}
        if self.lifetimes:
            first = self.lifetimes[0]
            found |= {Moment.BEFORE: first.before, Moment.INSTALLED: first.installed}
        if self.removals:
            found[Moment.AFTER] = self.removals[-1].after
        return found

    @property
    def ran_under(self) -> str:
        """What the nodes report on which the chart's pods ran, joined by `+`; without pods, what all nodes report."""
        return "+".join(sorted({each.runtime for each in self.pod_nodes if each.runtime})) or self.node_runtime

    @property
    def leftovers(self) -> tuple[str, ...]:
        """`Kind/name` of the Jobs and pods that still existed after the last uninstall."""
        return self.removals[-1].leftovers if self.removals else ()

    @property
    def unsettled(self) -> str:
        """The first condition that a release did not meet before the deadline, "" if all installs were complete."""
        return next((lifetime.unsettled for lifetime in self.lifetimes if lifetime.unsettled), "")

    def helm_call(self, action: str) -> HelmCall | None:
        """Return the last call of `action`, None if there is none."""
        return next((call for call in reversed(self.helm) if call.action == action), None)
