"""The cell's own database server, and another service's data on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from osh_conformance.errors import SuiteError
from osh_conformance.folders import write_private
from osh_conformance.observe.containers import INFRASTRUCTURE_PREFIX, release_of
from osh_conformance.observe.database import DatabaseServer, quote_name, quote_text
from osh_conformance.observe.pod_status import pod_ready

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any

    from osh_conformance.observe.context import CellContext
    from osh_conformance.observe.pod_status import Object
    from osh_conformance.observe.watch import View

#: Seconds within which the pod must be ready.
_READY_WITHIN = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """An infrastructure chart, with values that set the credentials that the chart under test gets.

    `without_service` are the values that withhold its Service.
    """

    name: str
    chart: Path
    image: str
    values: Mapping[str, Any]
    without_service: Mapping[str, Any]
    container: str

    @property
    def release(self) -> str:
        """The name of its Helm release."""
        return INFRASTRUCTURE_PREFIX + self.name


def install(component: Component, context: CellContext, *, service: bool) -> DatabaseServer:
    """Install a component and wait until its pod is ready; without `service`, no pod can reach it by name yet."""
    values = _write(component, {} if service else component.without_service, context.folder)
    outcome = context.helm.install(component.release, component.chart, context.namespace, values, cancel=context.cancel)
    if not outcome.ok:
        raise SuiteError(f"failed to install the suite's own {component.name}", details=outcome.tail)
    title = f"the suite's own {component.name}"
    pod = context.watch.wait(title, lambda view: _ready_pod(view, component), deadline=_READY_WITHIN)
    return DatabaseServer(
        kube=context.kube,
        namespace=context.namespace,
        pod=pod["metadata"]["name"],
        container=component.container,
    )


def publish(component: Component, context: CellContext) -> None:
    """Create a component's Service."""
    values = _write(component, {}, context.folder)
    outcome = context.helm.install(component.release, component.chart, context.namespace, values, upgrade=True)
    if not outcome.ok:
        raise SuiteError(f"failed to create the Service of the suite's own {component.name}", details=outcome.tail)


def lend(component: Component, owner: CellContext, borrower: CellContext) -> None:
    """Make a component reachable in another namespace, under the same name."""
    release = component.release
    pods = [pod for pod in owner.watch.view().pods.values() if release_of(pod) == release]
    (service,) = [
        each
        for each in owner.kube.list(f"/api/v1/namespaces/{owner.namespace}/services")
        if release_of(each) == release
    ]
    ports = [{key: port[key] for key in ("name", "port") if key in port} for port in service["spec"]["ports"]]
    # Without a selector the Service leads to the endpoints below: straight to the pod.
    metadata = {"name": service["metadata"]["name"]}
    path = f"/api/v1/namespaces/{borrower.namespace}"
    borrower.kube.ensure(f"{path}/services", {"metadata": metadata, "spec": {"ports": ports}})
    addresses = [{"ip": pod["status"]["podIP"]} for pod in pods]
    borrower.kube.ensure(
        f"{path}/endpoints", {"metadata": metadata, "subsets": [{"addresses": addresses, "ports": ports}]}
    )


def add_neighbour(server: DatabaseServer, chart: str) -> None:
    """Put another service's data on the server, which a careless drop of `chart`'s database would remove too.

    The names of its database and account begin like the chart's; one more account has the chart's name and another
    host.
    """
    database = quote_name(f"{chart}_neighbour")
    account = f"{quote_text(chart + '_neighbour')}@'%'"
    server.change(
        f"""
        CREATE DATABASE {database};
        USE {database};
        CREATE TABLE ledger (id INT PRIMARY KEY, entry VARCHAR(64) NOT NULL);
        INSERT INTO ledger SELECT seq, CONCAT('entry ', seq) FROM seq_1_to_100;
        CREATE USER {account} IDENTIFIED BY 'neighbour';
        GRANT ALL PRIVILEGES ON {database}.* TO {account};
        CREATE USER {quote_text(chart)}@'192.0.2.1' IDENTIFIED BY 'neighbour';
        GRANT SELECT ON {database}.* TO {quote_text(chart)}@'192.0.2.1';
        """  # noqa: S608 - names and texts are quoted
    )


def _ready_pod(view: View, component: Component) -> Object | None:
    for pod in view.pods.values():
        if release_of(pod) == component.release and pod_ready(pod):
            return pod
    return None


def _write(component: Component, overlay: Mapping[str, Any], folder: Path) -> list[Path]:
    files = [folder / f"{component.release}.yaml", folder / f"{component.release}-overlay.yaml"]
    for path, values in zip(files, (component.values, overlay), strict=True):
        write_private(path, yaml.safe_dump(dict(values)))
    return files
