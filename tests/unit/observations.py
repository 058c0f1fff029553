"""A correct observation, small enough to read, for tests to break in one place each."""

from __future__ import annotations

from osh_conformance.model.chart import Container, DeclaredChart, Role
from osh_conformance.model.observation import (
    Cell,
    DatabaseState,
    DependencyHold,
    HelmCall,
    IdentityState,
    Life,
    Observation,
    ObservedContainer,
    ObservedPull,
    OwnTests,
    Removal,
    RuntimeProof,
    SuppliedImage,
    TableState,
)
from osh_conformance.model.scenario import Fate, PullProbe, Scenario

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
            SuppliedImage(reference=reference, origin="built", digests=(DIGEST,), media_types=MEDIA_TYPES)
            for reference in (SERVICE, ENTRYPOINT)
        ),
        lives=(Life(release="keystone", before=state(own=False), installed=state(own=True), pods=PODS),),
        removals=(
            Removal(
                life=0,
                fate=Fate.DROPPED if db_drop else Fate.KEPT,
                call=_call("uninstall"),
                populated=state(own=True),
                after=state(own=not db_drop),
            ),
        ),
        hold=DependencyHold(seconds=3.0, waiting=("Job/keystone-db-init",), early=()),
        identity=IdentityState(
            token_status=201,
            users=("admin", "keystone"),
            services=("keystone (identity)",),
            endpoints=("identity public http://keystone-api:5000/v3",),
            administrator="admin",
        ),
        release_of_service="2022.2",
        pulls=tuple(_pulled(probe) for probe in PROBES),
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
        own_tests=OwnTests(code=0, failed=(), output="2 passed in 1.00s"),
    )


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


def _call(action: str) -> HelmCall:
    return HelmCall(action=action, command=f"helm {action} keystone", code=0, seconds=1.0, output="")
