"""The cell's own servers, and another service's data on its database server."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import yaml
from kubernetes.client.exceptions import ApiException

from osh_conformance.charts.values import merged
from osh_conformance.errors import SuiteError
from osh_conformance.folders import write_private
from osh_conformance.model.convention import QUEUE
from osh_conformance.observe.containers import INFRASTRUCTURE_PREFIX, RELEASE_LABEL, release_of
from osh_conformance.observe.database import DatabaseServer, quote_name, quote_text
from osh_conformance.observe.message_queue import MessageQueue
from osh_conformance.observe.pod_status import pod_ready

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from osh_conformance.observe.context import CellContext
    from osh_conformance.observe.pod_status import Object
    from osh_conformance.observe.watch import View

NEIGHBOUR_PASSWORD = "neighbour"  # noqa: S105
#: The name of the database server's replica.
REPLICA = "mariadb-replica"
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


def with_replica(components: Sequence[Component]) -> tuple[Component, ...]:
    """Return components with a second database server, which can take over from the first: the first component."""
    first, *others = components
    second = replace(
        first, name=REPLICA, values=merged(first.values, {"name": REPLICA, "replication": {"server_id": 2}})
    )
    return (replace(first, values=merged(first.values, {"replication": {"server_id": 1}})), *others, second)


def install(
    components: Iterable[Component], context: CellContext, withheld: Collection[Component] = ()
) -> dict[str, str]:
    """Install components and wait until their pods are ready; return the pods by component.

    No pod can reach those of `withheld` by name yet.
    """
    components = tuple(components)
    for component in components:
        values = _write(component, component.without_service if component in withheld else {}, context.folder)
        outcome = context.helm.install(
            component.release, component.chart, context.namespace, values, cancel=context.cancel
        )
        if not outcome.ok:
            raise SuiteError(f"failed to install the suite's own {component.name}", details=outcome.tail)
    # They start side by side.
    return {component.name: _wait_for(component, context) for component in components}


def _wait_for(component: Component, context: CellContext) -> str:
    """Wait until a component is ready; return the name of its pod."""
    title = f"the suite's own {component.name}"
    deadline = _READY_WITHIN * context.patience
    pod = context.watch.wait(title, lambda view: _ready_pod(view, component), deadline=deadline)
    return str(pod["metadata"]["name"])


def database_server(component: Component, pod: str, context: CellContext) -> DatabaseServer:
    """Return the database server in a pod that `install` returned."""
    return DatabaseServer(kube=context.kube, namespace=context.namespace, pod=pod, container=component.container)


def replica(components: Iterable[Component], pods: Mapping[str, str], context: CellContext) -> DatabaseServer | None:
    """Return the database server's replica among components whose pods `install` returned, None without one."""
    for component in components:
        if component.name == REPLICA:
            return database_server(component, pods[REPLICA], context)
    return None


def message_queue(
    components: Iterable[Component], pods: Mapping[str, str], context: CellContext
) -> MessageQueue | None:
    """Return the message queue among components whose pods `install` returned, None without one."""
    for component in components:
        if component.name == QUEUE:
            return MessageQueue(
                kube=context.kube, namespace=context.namespace, pod=pods[component.name], container=component.container
            )
    return None


def publish(component: Component, context: CellContext) -> None:
    """Create a component's Service."""
    values = _write(component, {}, context.folder)
    outcome = context.helm.install(component.release, component.chart, context.namespace, values, upgrade=True)
    if not outcome.ok:
        raise SuiteError(f"failed to create the Service of the suite's own {component.name}", details=outcome.tail)


def hand_over(component: Component, successor: str, context: CellContext) -> str:
    """Let a component's Service lead to the pods of another release of its chart; return the Service's name."""
    name = str(_service(component, context)["metadata"]["name"])
    body = {"spec": {"selector": {RELEASE_LABEL: successor}}}
    try:
        context.kube.core.patch_namespaced_service(name, context.namespace, body)
    except ApiException as error:
        raise SuiteError(f"failed to change the Service of the suite's own {component.name}: {error.reason}") from error
    return name


def _service(component: Component, context: CellContext) -> Object:
    services = context.kube.list(f"/api/v1/namespaces/{context.namespace}/services")
    (service,) = (each for each in services if release_of(each) == component.release)
    return service


def lend(component: Component, owner: CellContext, borrower: CellContext) -> None:
    """Make a component reachable in another namespace, under the same name."""
    pods = [pod for pod in owner.watch.view().pods.values() if release_of(pod) == component.release]
    service = _service(component, owner)
    ports = [{key: port[key] for key in ("name", "port") if key in port} for port in service["spec"]["ports"]]
    # Without a selector the Service leads to the endpoints below: straight to the pod.
    metadata = {"name": service["metadata"]["name"]}
    path = f"/api/v1/namespaces/{borrower.namespace}"
    borrower.kube.ensure(f"{path}/services", {"metadata": metadata, "spec": {"ports": ports}})
    addresses = [{"ip": pod["status"]["podIP"]} for pod in pods]
    borrower.kube.ensure(
        f"{path}/endpoints", {"metadata": metadata, "subsets": [{"addresses": addresses, "ports": ports}]}
    )


def neighbour(chart: str) -> str:
    """Return the name of another service's database and user, which begins like the chart's."""
    return f"{chart}_neighbour"


def add_neighbour(server: DatabaseServer, chart: str) -> None:
    """Put another service's data on the server, which a careless drop of `chart`'s database would remove or change.

    It has one of each kind of thing that a service may own. The names of its database, account and role begin like the
    chart's; one more account has the chart's name and another host.
    """
    name = neighbour(chart)
    database = quote_name(name)
    account = f"{quote_text(name)}@'%'"
    namesake = f"{quote_text(chart)}@'192.0.2.1'"
    role = quote_text(f"{chart}_reader")
    server.change(
        f"""
        CREATE DATABASE {database};
        USE {database};
        CREATE TABLE ledger (id INT PRIMARY KEY, entry VARCHAR(64) NOT NULL);
        INSERT INTO ledger SELECT seq, CONCAT('entry ', seq) FROM seq_1_to_100;
        CREATE INDEX by_entry ON ledger (entry);
        CREATE USER {account} IDENTIFIED BY '{NEIGHBOUR_PASSWORD}';
        GRANT ALL PRIVILEGES ON {database}.* TO {account};
        CREATE DEFINER = {account} VIEW entries AS SELECT entry FROM ledger;
        CREATE DEFINER = {account} PROCEDURE clean() DELETE FROM ledger WHERE id < 0;
        CREATE DEFINER = {account} EVENT cleaning ON SCHEDULE EVERY 1 DAY DISABLE DO CALL clean();
        CREATE DEFINER = {account} TRIGGER trimmed BEFORE INSERT ON ledger FOR EACH ROW SET NEW.entry = TRIM(NEW.entry);
        CREATE ROLE {role};
        GRANT SELECT ON {database}.entries TO {role};
        GRANT {role} TO {account};
        GRANT {role} TO root@'%' WITH ADMIN OPTION;
        CREATE USER {namesake} IDENTIFIED BY '{NEIGHBOUR_PASSWORD}'
          REQUIRE X509 WITH MAX_QUERIES_PER_HOUR 1000 MAX_USER_CONNECTIONS 5;
        GRANT SELECT ON {database}.* TO {namesake} WITH GRANT OPTION;
        GRANT UPDATE (entry) ON {database}.ledger TO {namesake};
        GRANT EXECUTE ON PROCEDURE {database}.clean TO {namesake};
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
