"""A correct observation, small enough to read, for tests to break in one place each."""

from __future__ import annotations

from dataclasses import replace

from osh_conformance.model.chart import Container, DeclaredChart, Role
from osh_conformance.model.convention import PULL_SECRET
from osh_conformance.model.matrix import Cell
from osh_conformance.model.observation import (
    ChartTests,
    DatabaseState,
    DependencyWithheld,
    FailedUninstall,
    HelmCall,
    HelmTest,
    IdentityState,
    Moment,
    Observation,
    ObservedContainer,
    ObservedPull,
    OutsideState,
    PublishedImage,
    QueueState,
    ReleaseLifetime,
    Removal,
    ResourceUsage,
    RuntimeProof,
    TableState,
)
from osh_conformance.model.scenario import ExpectedData, PullProbe, Scenario

SERVICE = "docker.io/example/keystone:22.0.2"
ENTRYPOINT = "docker.io/example/entrypoint:1.0.0"
DIGEST = "sha256:" + "a" * 64
MEDIA_TYPES = (
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.image.rootfs.diff.tar.gzip",
)
PODS = tuple(f"keystone-{key}-x7k2p" for key in ("db-init", "db-sync", "ks-user", "bootstrap"))
KEYS = ("dep_check", "db_init", "db_sync", "db_drop", "ks_user", "ks_service", "ks_endpoints", "bootstrap")

NEIGHBOUR = {"neighbour": {"ledger": TableState(rows=100, checksum=7)}}
NEIGHBOUR_ACCOUNTS = {"neighbour@%": ("SELECT ON neighbour",)}
OWN = {"keystone": {"user": TableState(rows=2, checksum=11)}}
OWN_ACCOUNTS = {"keystone@%": ("SELECT ON keystone",)}
SECOND = {"keystone_second": {"user": TableState(rows=2, checksum=13)}}
SECOND_ACCOUNTS = {"keystone_second@%": ("SELECT ON keystone_second",)}
TENANT = "osh_conformance_tenant"
_FIRST, _AGAIN = "x7k2p", "m3v8q"
_LATER = "2026-01-01T00:00:02Z"
_TENANT_ROWS = TableState(rows=10, checksum=5)
_API = Container(
    kind="Deployment",
    workload_name="keystone-api",
    name="keystone-api",
    role=Role.MAIN,
    image=SERVICE,
    pull_policy="IfNotPresent",
    template="templates/deployment-api.yaml",
    key="bootstrap",
)
_API_WAITS = replace(_API, name="dep-check", role=Role.INIT, image=ENTRYPOINT, key="dep_check")
PROBES = tuple(
    PullProbe(policy=policy, present=present, starts=starts, asks=asks)
    for policy, present, starts, asks in (
        ("Never", False, False, False),
        ("Never", True, True, False),
        ("IfNotPresent", False, True, True),
        ("IfNotPresent", True, True, False),
        ("Always", False, True, True),
        ("Always", True, True, True),
    )
)


def state(*, own: bool) -> DatabaseState:
    """The server with the neighbour's data, and with the service's if `own`."""
    databases = {**NEIGHBOUR, **(OWN if own else {})}
    return DatabaseState(databases=databases, accounts={**NEIGHBOUR_ACCOUNTS, **(OWN_ACCOUNTS if own else {})})


def queue(*, own: bool) -> QueueState:
    """The message queue with the neighbour's user and vhost, and with the service's if `own`."""
    names = ("neighbour", *(("keystone",) if own else ()))
    return QueueState(
        users={"operator": "tags administrator; login 0", **dict.fromkeys(names, "tags none; login 1")},
        vhosts=("/", *sorted(names)),
        permissions={"operator on /": "configure .*", **{f"{name} on {name}": "configure .*" for name in names}},
    )


def outside(*, db_drop: bool) -> dict[Moment, OutsideState]:
    """What is on the message queue before, while and after the service has a user and a vhost there."""
    states = {Moment.BEFORE: False, Moment.INSTALLED: True, Moment.AFTER: not db_drop}
    return {moment: OutsideState(queue=queue(own=own)) for moment, own in states.items()}


def observation(*, db_drop: bool = True) -> Observation:
    """A release of a correct chart, from install to uninstall."""
    keys = [key for key in KEYS if key != "dep_check" and (db_drop or key != "db_drop")]
    declared = [c for key in keys for c in _declared(key)]
    return Observation(
        cell=Cell(chart="keystone", path="charts/keystone", flavor="distribution"),
        scenario=Scenario(name="drop", summary="", db_drop=db_drop, rules=()),
        declared=DeclaredChart(
            name="keystone",
            version="0.1.0",
            convention="reference",
            policy="IfNotPresent",
            images={key: ENTRYPOINT if key == "dep_check" else SERVICE for key in KEYS},
            functions={key: "" if key == "bootstrap" else key for key in KEYS},
            containers=tuple(declared),
        ),
        release="keystone",
        namespace="cell",
        node_runtime="containerd://2.4.2",
        helm=(_call("install"), _call("uninstall")),
        containers=tuple(_observed(c) for c in declared),
        images=tuple(
            PublishedImage(reference=reference, origin="built", digests=(DIGEST,), media_types=MEDIA_TYPES)
            for reference in (SERVICE, ENTRYPOINT)
        ),
        lifetimes=(ReleaseLifetime(release="keystone", before=state(own=False), installed=state(own=True), pods=PODS),),
        removals=(
            Removal(
                lifetime=0,
                expected_data=ExpectedData.DROPPED if db_drop else ExpectedData.KEPT,
                call=_call("uninstall"),
                populated=state(own=True),
                after=state(own=not db_drop),
            ),
        ),
        withheld=DependencyWithheld(seconds=3.0, waiting=("Job/keystone-db-init",), early=()),
        identity=IdentityState(
            token_status=201,
            users=("admin", "keystone"),
            services=("keystone (identity)",),
            endpoints=("identity public http://keystone-api:5000/v3",),
            administrator="admin",
        ),
        release_of_service="2022.2",
        pulls=tuple(_pulled(probe) for probe in PROBES),
        pull_secret=PULL_SECRET,
        runtime=RuntimeProof(
            cri="containerd://2.4.2",
            handlers={"keystone-api-x7k2p": "crun"},
            traced={"keystone-api-x7k2p/keystone-api": "crun"},
            parents={"keystone-api-x7k2p/keystone-api": "containerd-shim-runc-v2"},
        ),
        runtime_classes={
            "keystone-api-x7k2p": "osh-conformance-crun",
            "keystone-db-drop-9fq4c": "osh-conformance-crun",
        },
        chart_tests=ChartTests(code=0, failed=(), output="2 passed in 1.00s"),
        outside=outside(db_drop=db_drop),
        helm_test=HelmTest(code=0, output="Phase: Succeeded", ran=("Pod/keystone-test",)),
    )


def recovered(*faults: str) -> Observation:
    """A release whose first uninstall failed under faults and did nothing; the second one, after the repair, drops.

    Without `faults`, the server was away.
    """
    seen = observation()
    (removal,) = seen.removals
    used = replace(state(own=True), databases={**NEIGHBOUR, "keystone": {**OWN["keystone"], TENANT: _TENANT_ROWS}})
    failed = replace(
        removal,
        call=_call("uninstall", code=1, output="job keystone-db-drop failed: DeadlineExceeded"),
        after=state(own=True),
        faults=faults or ("server-away",),
        failure=FailedUninstall(
            timeout=90.0,
            deadline=60.0,
            missing=(),
            unfinished=(),
            acted=(),
            watched=30.0,
            watch_began=used,
            watch_ended=used,
            logs={"keystone-db-drop-x7k2p db-drop": "db_drop failed: the server is away\nleft: database keystone"},
        ),
    )
    again = replace(removal, populated=used, is_retry=True)
    return replace(seen, helm=(seen.helm[0], failed.call, again.call), removals=(failed, again))


def reinstalled() -> Observation:
    """A release that was installed, uninstalled and installed again; its API server starts after db_sync each time."""
    seen = observation()
    declared = (*seen.declared.containers, _API_WAITS, _API)
    lives = tuple(
        replace(seen.lifetimes[0], pods=tuple(pod.replace(_FIRST, pods) for pod in (*PODS, "keystone-api-x7k2p")))
        for pods in (_FIRST, _AGAIN)
    )
    api = replace(_observed(_API), started_at=_LATER, finished_at="", role=Role.MAIN)
    containers = (*seen.containers, _observed(_API_WAITS), api)
    later = tuple(
        replace(
            c,
            pod=c.pod.replace(_FIRST, _AGAIN),
            started_at=c.started_at.replace("T00", "T01"),
            finished_at=c.finished_at.replace("T00", "T01"),
        )
        for c in containers
    )
    return replace(
        seen,
        declared=replace(seen.declared, containers=declared),
        helm=seen.helm * 2,
        lifetimes=lives,
        removals=(seen.removals[0], replace(seen.removals[0], lifetime=1)),
        containers=containers + later,
    )


def upgraded(*, drop: bool) -> Observation:
    """A release of which an upgrade switched the drop on or off."""
    seen = observation(db_drop=drop)
    return replace(seen, helm=(seen.helm[0], _call("upgrade"), seen.helm[1]))


def two_releases() -> Observation:
    """Two releases of a chart on one server; each uninstall drops what is its release's."""
    seen = observation()
    both = replace(
        state(own=True),
        databases={**state(own=True).databases, **SECOND},
        accounts={**state(own=True).accounts, **SECOND_ACCOUNTS},
    )
    rest = DatabaseState(databases={**NEIGHBOUR, **SECOND}, accounts={**NEIGHBOUR_ACCOUNTS, **SECOND_ACCOUNTS})
    (removal,) = seen.removals
    return replace(
        seen,
        helm=(*seen.helm, *seen.helm),
        lifetimes=(*seen.lifetimes, replace(seen.lifetimes[0], before=state(own=True), installed=both)),
        removals=(
            replace(removal, populated=both, after=rest),
            replace(removal, lifetime=1, populated=rest, after=state(own=False)),
        ),
    )


def repeated(times: int = 3) -> Observation:
    """A release that came and went so often, and left the same each time."""
    gauge = ResourceUsage(
        objects={"ConfigMap": 2, "Pod": 1},
        server={"databases": 1, "accounts": 2},
        nodes={"mounts": 70, "containers": 20},
        suite_bytes=90 << 20,
    )
    return replace(observation(), usage=(gauge,) * times)


def _declared(key: str) -> list[Container]:
    name = f"keystone-{key.replace('_', '-')}"
    hook = ("pre-delete",) if key == "db_drop" else ()

    def container(container_name: str, role: Role, image_key: str) -> Container:
        return Container(
            kind="Job",
            workload_name=name,
            name=container_name,
            role=role,
            image=ENTRYPOINT if image_key == "dep_check" else SERVICE,
            pull_policy="IfNotPresent",
            template=f"templates/{name}.yaml",
            hook=hook,
            key=image_key,
        )

    return [
        container("dep-check", Role.INIT, "dep_check"),
        container(name, Role.HOOK if hook else Role.MAIN, key),
    ]


def _observed(container: Container) -> ObservedContainer:
    return ObservedContainer(
        pod=f"{container.workload_name}-x7k2p",
        workload=container.workload,
        name=container.name,
        pull_secrets=(PULL_SECRET,),
        role=container.role,
        image=str(container.image),
        pull_policy="IfNotPresent",
        image_id=f"{str(container.image).rpartition(':')[0]}@{DIGEST}",
        state="terminated",
        reason="Completed",
        exit_code=0,
        started_at="2026-01-01T00:00:00Z",
        finished_at="2026-01-01T00:00:01Z",
    )


def _pulled(probe: PullProbe) -> ObservedPull:
    return ObservedPull(
        probe=probe,
        started=probe.starts,
        reason="" if probe.starts else "ErrImageNeverPull",
        requests=("HEAD manifests 1.0.0 200",) if probe.asks else (),
    )


def _call(action: str, code: int = 0, output: str = "") -> HelmCall:
    return HelmCall(action=action, command=f"helm {action} keystone", code=code, seconds=1.0, output=output)
