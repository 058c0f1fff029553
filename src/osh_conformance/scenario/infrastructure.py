"""What a cell needs beside its chart: a database server of its own, and a neighbour's data on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from osh_conformance.errors import SuiteError
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

_READY = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """An infrastructure chart, and the values that give it the credentials the chart under test is told.

    `without_service` are the values with which its Service is withheld.
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


def install(component: Component, site: CellContext, *, service: bool) -> DatabaseServer:
    """Install a component and wait until its pod is ready; without `service`, nobody can reach it by name yet."""
    values = _write(component, {} if service else component.without_service, site.folder)
    outcome = site.helm.install(component.release, component.chart, site.namespace, values, cancel=site.cancel)
    if not outcome.ok:
        raise SuiteError(f"the suite's own {component.name} does not install", details=outcome.tail)
    what = f"the suite's own {component.name}"
    pod = site.watch.wait(what, lambda view: _ready_pod(view, component), deadline=_READY)
    return DatabaseServer(
        kube=site.kube,
        namespace=site.namespace,
        pod=pod["metadata"]["name"],
        container=component.container,
    )


def publish(component: Component, site: CellContext) -> None:
    """Give a component its Service."""
    values = _write(component, {}, site.folder)
    outcome = site.helm.install(component.release, component.chart, site.namespace, values, upgrade=True)
    if not outcome.ok:
        raise SuiteError(f"the Service of the suite's own {component.name} cannot be made", details=outcome.tail)


def lend(component: Component, owner: CellContext, borrower: CellContext) -> None:
    """Let another namespace reach a component under the name that it has in its own."""
    release = component.release
    pods = [pod for pod in owner.watch.view().pods.values() if release_of(pod) == release]
    (service,) = [
        each
        for each in owner.kube.list(f"/api/v1/namespaces/{owner.namespace}/services")
        if release_of(each) == release
    ]
    ports = [{key: port[key] for key in ("name", "port") if key in port} for port in service["spec"]["ports"]]
    # Without a selector, so that nobody but this function says where it leads: straight to the pod.
    metadata = {"name": service["metadata"]["name"]}
    path = f"/api/v1/namespaces/{borrower.namespace}"
    borrower.kube.ensure(f"{path}/services", {"metadata": metadata, "spec": {"ports": ports}})
    addresses = [{"ip": pod["status"]["podIP"]} for pod in pods]
    borrower.kube.ensure(
        f"{path}/endpoints", {"metadata": metadata, "subsets": [{"addresses": addresses, "ports": ports}]}
    )


def add_neighbour(server: DatabaseServer, chart: str) -> None:
    """Put another tenant's data on the server: what a careless drop of `chart`'s database would take with it.

    Its database and account have names that begin like the chart's, and an account bears the chart's name for another
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
        path.touch(mode=0o600)
        path.write_text(yaml.safe_dump(dict(values)))
    return files
