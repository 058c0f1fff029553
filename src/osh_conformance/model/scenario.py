"""The record of a scenario: its steps, its faults, and the rules that check the result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated

import msgspec

from osh_conformance.model.field_values import RuleId, one_of


class ScenarioGroup(StrEnum):
    """The runs that a scenario belongs to.

    - MAIN: part of every run.
    - LIFECYCLE, FAULTS: run if the user names them.
    - ENVIRONMENT: disturbs the whole cluster, so nothing else may run at the same time.
    """

    MAIN = "main"
    LIFECYCLE = "lifecycle"
    FAULTS = "faults"
    ENVIRONMENT = "environment"


class Until(StrEnum):
    """How long an install step waits.

    - READY: until every workload is ready.
    - DATABASE: until the database server has the release's databases and accounts.
    - FAILED: until `helm install --wait` fails because the database's Service is withheld. Then the Service appears.
    """

    READY = "ready"
    DATABASE = "database"
    FAILED = "failed"


class ExpectedData(StrEnum):
    """What an uninstall must do with the release's data.

    - DROPPED: remove its databases and accounts.
    - KEPT: leave them as they are.
    - ALREADY_GONE: leave them as they are. The release no longer exists, and its names belong to another service.
    """

    DROPPED = "dropped"
    KEPT = "kept"
    ALREADY_GONE = "already-gone"


class SqlTarget(StrEnum):
    """The objects of a `sql` step: it runs its statements once for each."""

    DATABASE = "database"
    ACCOUNT = "account"


class PullAnswer(StrEnum):
    """The registry's answer to a pull of the drop Job's image: an HTTP status, or a truncated layer."""

    NOT_FOUND = "404"
    TOO_MANY_REQUESTS = "429"
    SERVER_ERROR = "500"
    TRUNCATED = "truncated"


# -- faults ----------------------------------------------------------------------------------------------------------


class FaultNeed(StrEnum):
    """A capability that a cluster must have for a fault."""

    NODES = "node-exec"
    REGISTRY = "registry"


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultKind:
    """The properties of a fault. Planning needs them before any fault is injected."""

    summary: str
    """What happens, in one line."""
    lasting: bool = True
    """It stays until a `repair` or `recover` step ends it."""
    readable: bool = True
    """The suite can query the database server while the fault lasts."""
    reachable: bool = True
    """A drop Job can reach the database server, with its image and its password, while the fault lasts."""
    refuses: bool = False
    """The database server answers, and refuses to drop anything while the fault lasts."""
    variables: tuple[str, ...] = ()
    """The global variables of the database server that the fault changes until its repair."""
    replaces: bool = False
    """From then on another database server has the server's name: with the same data, and variables of its own."""
    needs: tuple[FaultNeed, ...] = ()
    """The capabilities that a cluster must have."""

    @property
    def prevents(self) -> bool:
        """Whether no drop can succeed while it lasts."""
        return self.refuses or not self.reachable


#: Every fault by its id. `scenario/faults/` has a class for each; planning needs this table only.
FAULTS: Mapping[str, FaultKind] = MappingProxyType(
    {
        "api-restarted": FaultKind(
            summary="the API server is killed, and its kubelet starts it again",
            lasting=False,
            needs=(FaultNeed.NODES,),
        ),
        "certificate-other-host": FaultKind(
            summary="the database server presents a certificate of the trusted authority for another host",
            reachable=False,
        ),
        "certificate-untrusted": FaultKind(
            summary="the database server presents a certificate of an authority that the release does not trust",
            reachable=False,
        ),
        "connection-limit": FaultKind(
            summary="the administrator's account has reached its limit of connections",
            reachable=False,
        ),
        "connections-exhausted": FaultKind(
            summary="the database server has too many connections, and takes no more",
            reachable=False,
            variables=("max_connections",),
        ),
        "containerd-restarted": FaultKind(
            summary="the containerd of each node is restarted; containers keep running",
            lasting=False,
            needs=(FaultNeed.NODES,),
        ),
        "database-locked": FaultKind(
            summary="another client's transaction locks a table of each database",
        ),
        "folder-not-empty": FaultKind(
            summary="a stray file in its folder keeps the server from dropping the last database, but not its tables",
        ),
        "helm-killed": FaultKind(
            summary="`helm uninstall` is ended with SIGKILL",
            lasting=False,
        ),
        "image-unavailable": FaultKind(
            summary="the registry answers pulls of the drop Job's image with `drop_image`; no node has the image",
            reachable=False,
            needs=(FaultNeed.REGISTRY, FaultNeed.NODES),
        ),
        "kubelet-restarted": FaultKind(
            summary="the kubelet of each node is restarted",
            lasting=False,
            needs=(FaultNeed.NODES,),
        ),
        "network-cut": FaultKind(
            summary="a firewall rule in each node drops all packets from other pods to the database server",
            reachable=False,
            needs=(FaultNeed.NODES,),
        ),
        "password-changed": FaultKind(
            summary="the administrator's password is no longer the one that the release knows",
            reachable=False,
        ),
        "pod-evicted": FaultKind(
            summary="the drop Job's pod is evicted, as when a node is drained",
            lasting=False,
        ),
        "pod-killed": FaultKind(
            summary="the drop Job's pod is deleted without a grace period",
            lasting=False,
        ),
        "server-away": FaultKind(
            summary="the database server is shut down",
            readable=False,
            reachable=False,
        ),
        "server-failed-over": FaultKind(
            summary="the database server's name leads to its replica; open connections stay with the old server",
            lasting=False,
            replaces=True,
        ),
        "server-killed": FaultKind(
            summary="the database server is killed, and stays down",
            readable=False,
            reachable=False,
        ),
        "server-read-only": FaultKind(
            summary="the database server is read-only, for the administrator too",
            refuses=True,
            variables=("read_only",),
        ),
        "server-restarted": FaultKind(
            summary="the database server is killed, and starts again at once",
            lasting=False,
        ),
        "server-slow": FaultKind(
            summary="the database server's process is stopped most of the time",
        ),
    }
)
FaultId = Annotated[str, one_of(*FAULTS)]


# -- steps -----------------------------------------------------------------------------------------------------------


class Step(msgspec.Struct, frozen=True, kw_only=True, tag_field="do", forbid_unknown_fields=True):
    """One action of a scenario. `do` is its verb, and selects the record."""

    @property
    def do(self) -> str:
        """The verb."""
        return str(self.__struct_config__.tag)


class InstallStep(Step, frozen=True, kw_only=True, tag="install"):
    """Install the chart, and wait."""

    drop: bool | None = None
    """The state of the chart's drop switch; by default the scenario's `db_drop`."""
    withhold_seconds: float = 0.0
    """Seconds to withhold the database's Service after all pods that need it are waiting."""
    until: Until = Until.READY
    """How long the step waits: `ready` (every workload), `database` (the server has the release's databases and
    accounts) or `failed` (helm fails because the database's Service is withheld)."""
    previous: bool = False
    """Install the chart's previous version."""
    second: bool = False
    """Install a second release of the chart, in its own namespace, on the same database server."""


class UpgradeStep(Step, frozen=True, kw_only=True, tag="upgrade"):
    """Upgrade the release to this version of the chart, and wait until it is ready."""

    drop: bool | None = None
    """The new state of the drop switch; by default it stays as it is."""
    second: bool = False
    """Upgrade the second release."""


class ChartTestsStep(Step, frozen=True, kw_only=True, tag="test"):
    """Run the chart's own tests, if the catalog names any, and `helm test`, if the catalog says so."""


class SqlStep(Step, frozen=True, kw_only=True, tag="sql"):
    """Run statements as the database server's administrator."""

    sql: str
    """The statements. With `each: database` they may contain `{database}` (the quoted name) and `{name}` (the bare
    name, to build other names from); with `each: account` they may contain `{account}` and `{user}`, both quoted."""
    each: SqlTarget | None = None
    """Run the statements once for each `database` or each `account` of the release; by default once."""


class SessionsStep(Step, frozen=True, kw_only=True, tag="sessions"):
    """Open connections that stay open, as every account of the release."""

    count: int = 1
    """Connections for each account."""
    transaction: bool = False
    """Each connection reads a table of each database in a transaction that stays open."""


class InjectStep(Step, frozen=True, kw_only=True, tag="inject"):
    """Inject a fault. A lasting fault stays until a `repair` or `recover` step."""

    inject: FaultId
    """The fault's id."""


class RepairStep(Step, frozen=True, kw_only=True, tag="repair"):
    """Repair every fault that lasts."""


class UninstallStep(Step, frozen=True, kw_only=True, tag="uninstall"):
    """Uninstall the release."""

    second: bool = False
    """Uninstall the second release."""
    hooks: bool = True
    """Run the chart's hooks. `false` means `helm uninstall --no-hooks`."""
    expected_data: ExpectedData | None = None
    """What must happen to the release's data: `dropped`, `kept`, or `already-gone` (the release no longer exists, and
    another service owns its names). By default the drop switch decides."""
    inject: FaultId = ""
    """The id of a fault to inject while the drop runs. A lock makes the drop wait until then."""


class RecoverStep(Step, frozen=True, kw_only=True, tag="recover"):
    """After a failed uninstall: wait for the Job's deadline, repair, watch the server, and uninstall again."""

    seconds: float = 30.0
    """Seconds to watch the server while another service uses the databases."""


ScenarioStep = (
    InstallStep
    | UpgradeStep
    | ChartTestsStep
    | SqlStep
    | SessionsStep
    | InjectStep
    | RepairStep
    | UninstallStep
    | RecoverStep
)


# -- scenarios -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class PullProbe:
    """A pod with one pull policy. Its image has its own repository."""

    policy: Annotated[str, one_of("Never", "IfNotPresent", "Always")]
    """The pod's `imagePullPolicy`: `Never`, `IfNotPresent` or `Always`."""
    present: bool
    """The node has the image before the pod starts."""
    starts: bool
    """The pod must start."""
    asks: bool
    """The node must send a request to the registry when the pod starts."""

    @property
    def name(self) -> str:
        """`never-absent`: the name of its pod and repository."""
        return f"{self.policy.lower()}-{'present' if self.present else 'absent'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Steps that act on a release, and the rules that check the result: a file of `scenarios/`."""

    name: str
    """The scenario's name. The file has the same name."""
    summary: str
    """What happens, in one line."""
    rules: tuple[RuleId, ...]
    """The ids of the live and matrix rules that check the result."""
    group: ScenarioGroup = ScenarioGroup.MAIN
    """The runs that it belongs to: `main` (every run), `lifecycle`, `faults`, or `environment` (it disturbs the whole
    cluster, so it runs by itself)."""
    db_drop: bool = False
    """The state of the drop switch, unless a step sets another."""
    names: Mapping[Annotated[str, one_of("database", "username", "password")], str] = field(default_factory=dict)
    """Names for the service to use: `database`, `username`, `password`. The convention must define values for them."""
    tls: bool = False
    """The database server accepts only TLS. The convention must define values (`tls`) that make a chart trust it."""
    fast_drop: bool = False
    """Shorten the drop Job's deadlines, if the convention defines values for that."""
    drop_image: PullAnswer | None = None
    """The registry's answer to pulls of the drop Job's image until the fault is repaired: `404`, `429`, `500`, or
    `truncated` (a layer ends midway). Only for the fault `image-unavailable`."""
    pull_secret: bool = False
    """The registry demands a login for each image of the chart, and the chart gets a Secret with it. The convention
    must define values (`pull_secret`) that name the Secret."""
    steps: tuple[ScenarioStep, ...] = ()
    """The steps, in order."""
    repeated: bool = False
    """Only `--repeat` sets it: `steps` contains the steps several times. Do not set it in a file."""
    reduced: bool = False
    """Only `--reduced` sets it: little more of the chart is installed than what creates and drops its database. Do not
    set it in a file."""
    probes: tuple[PullProbe, ...] = ()
    """The suite's own pods, instead of steps. Their result does not depend on chart and flavor, so they run on one cell
    for each container runtime."""

    def times(self, number: int) -> Scenario:
        """Return the scenario with its steps `number` times and LIFE-2. Only the first pass withholds the Service."""
        if number == 1 or not self.steps:
            return self
        steps = self.steps + _without_withholding(self.steps) * (number - 1)
        return replace(self, steps=steps, repeated=True, rules=(*self.rules, "LIFE-2"))

    def of_reduced_run(self) -> Scenario:
        """Return the scenario as a reduced run has it: no step withholds the database's Service, nobody judges that."""
        return replace(self, reduced=True, steps=_without_withholding(self.steps))

    @property
    def whole(self) -> bool:
        """Whether it is about the whole service, with its registration and its message queue.

        The others are about an uninstall, and switch off what that does not need (`minimal_values` of the convention).
        """
        # Each Job of the chart must pull, also those that an uninstall does not need.
        return not self.probes and not self.reduced and (self.group is ScenarioGroup.MAIN or self.pull_secret)

    @property
    def has_second(self) -> bool:
        """Whether a step acts on a second release of the chart."""
        return any(step.second for step in self.steps if isinstance(step, InstallStep | UpgradeStep | UninstallStep))

    @property
    def has_replica(self) -> bool:
        """Whether the database server has a replica, because a fault puts it into the server's place."""
        return any(FAULTS[name].replaces for name in self.faults)

    @property
    def has_previous(self) -> bool:
        """Whether a step installs the chart's previous version."""
        return any(step.previous for step in self.steps if isinstance(step, InstallStep))

    @property
    def faults(self) -> tuple[str, ...]:
        """The ids of the faults that its steps inject."""
        return tuple(step.inject for step in self.steps if isinstance(step, InjectStep | UninstallStep) and step.inject)


def _without_withholding(steps: tuple[ScenarioStep, ...]) -> tuple[ScenarioStep, ...]:
    return tuple(
        msgspec.structs.replace(step, withhold_seconds=0.0) if isinstance(step, InstallStep) else step for step in steps
    )
