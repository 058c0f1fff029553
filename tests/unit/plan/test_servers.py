"""The suite's own servers: which a cell has, what a chart learns about them, and their infrastructure charts."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from osh_conformance.config.engine_options import LiveOptions
from osh_conformance.errors import SuiteError, UsageError
from osh_conformance.live.credentials import Credentials
from osh_conformance.manifests.privileges import requested_access
from osh_conformance.model.convention import DATABASE, QUEUE
from osh_conformance.plan.plan import LiveSuite
from osh_conformance.plan.servers import SERVERS, servers_of, unreachable
from osh_conformance.render.engines.choice import choose
from osh_conformance.render.parse import documents_of
from tests.paths import KEYSTONE

if TYPE_CHECKING:
    from pathlib import Path

    from osh_conformance.plan.cells import CellRun

MESSY = "p@ss /%:'\"\\$`é<&>#\n"


def _suite(folder: Path, *scenarios: str, **entry: Any) -> LiveSuite:
    """The suite of keystone with a catalog that has `entry` for it."""
    catalog = folder / "catalog.yaml"
    entry = {"path": str(KEYSTONE), "convention": "reference", "flavor": "distribution", **entry}
    catalog.write_text(yaml.safe_dump({"osh_conformance_catalog": 1, "charts": [entry]}))
    return LiveSuite(LiveOptions(paths=(KEYSTONE,), catalog=catalog, scenarios=scenarios))


def _names(cell_run: CellRun) -> list[str]:
    return [server.name for server in servers_of(cell_run.target, cell_run.scenario)]


@pytest.mark.parametrize("infrastructure", [None, ["mariadb"]])
def test_a_cell_has_only_a_database_server_unless_the_catalog_names_another(
    tmp_path: Path, infrastructure: list[str] | None
) -> None:
    found = _suite(tmp_path, "drop-enabled", infrastructure=infrastructure)
    assert [_names(each) for each in found.cell_runs] == [[DATABASE]]


@pytest.mark.parametrize(("scenario", "whole"), [("drop-disabled", True), ("pull-secret", True), ("neighbours", False)])
def test_only_scenarios_of_the_whole_service_have_the_message_queue(
    tmp_path: Path,
    scenario: str,
    whole: bool,  # noqa: FBT001  (a parameter)
) -> None:
    found = _suite(tmp_path, scenario, infrastructure=["mariadb", "rabbitmq"])
    (cell_run,) = found.cell_runs
    assert cell_run.scenario.whole is whole
    assert _names(cell_run) == [DATABASE, QUEUE][: 1 + whole]
    assert (SERVERS[QUEUE].image in found.images(cell_run)) is whole


def test_pull_probes_have_no_message_queue(tmp_path: Path) -> None:
    found = _suite(tmp_path, "pull-policy", infrastructure=["mariadb", "rabbitmq"])
    assert not found.cell_runs[0].scenario.whole
    assert found.images(found.cell_runs[0]) == frozenset()


def test_a_server_that_the_suite_does_not_have_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"`rabitmq`.*rabbitmq"):
        _suite(tmp_path, "drop-enabled", infrastructure=["mariadb", "rabitmq"])


def test_a_convention_without_values_for_a_server_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"the convention .?osh.? has no values for .*`rabbitmq`"):
        _suite(tmp_path, "drop-enabled", infrastructure=["mariadb", "rabbitmq"], convention="osh")


def test_coordinates_are_those_of_the_infrastructure_chart(tmp_path: Path) -> None:
    (cell_run,) = _suite(tmp_path, "drop-enabled", infrastructure=["mariadb", "rabbitmq"]).cell_runs
    where = unreachable(cell_run.target, cell_run.scenario)
    assert {**where[DATABASE], "password": ""} == {"host": "mariadb", "port": 3306, "username": "root", "password": ""}
    assert where[QUEUE]["username"] not in ("", "guest")
    assert (where[QUEUE]["host"], where[QUEUE]["port"], where[QUEUE]["management_port"]) == ("rabbitmq", 5672, 15672)


# -- the message queue's chart -------------------------------------------------------------------------------------


def _rendered(values: dict[str, Any]) -> dict[str, Any]:
    texts = choose().render(SERVERS[QUEUE].folder, values)
    return {document.kind: document.content for document in documents_of(texts)}


def test_any_characters_of_a_password_reach_the_server() -> None:
    secret = _rendered(SERVERS[QUEUE].values(MESSY))["Secret"]
    definitions = json.loads(base64.b64decode(secret["data"]["definitions.json"]))
    (user,) = definitions["users"]
    assert (user["password"], user["tags"]) == (MESSY, "administrator")
    assert user["name"] == SERVERS[QUEUE].coordinates["username"]
    assert [vhost["name"] for vhost in definitions["vhosts"]] == ["/"]


def test_another_service_has_a_user_and_a_vhost_there_before_the_chart_under_test() -> None:
    component = Credentials.new("cell", SERVERS[QUEUE]).server("heat")
    definitions = json.loads(base64.b64decode(_rendered(dict(component.values))["Secret"]["data"]["definitions.json"]))
    assert [user["name"] for user in definitions["users"]][1:] == ["heat_neighbour"]
    assert [vhost["name"] for vhost in definitions["vhosts"]] == ["/", "heat_neighbour"]
    assert definitions["users"][1]["tags"] == ""
    # A word of other texts would be removed from every output.
    assert definitions["users"][1]["password"] not in str(component.values)


@pytest.mark.parametrize(
    ("administrator", "message"),
    [({"username": "guest"}, "a name other than guest"), ({"password": 5}, "expected text, found float64")],
)
def test_an_administrator_that_could_not_log_in_is_an_error(administrator: dict[str, Any], message: str) -> None:
    with pytest.raises(SuiteError) as error:
        _rendered({"administrator": administrator})
    assert message in f"{error.value} {error.value.details}"


def test_the_queue_needs_no_privileges_and_writes_into_its_volumes_only() -> None:
    texts = choose().render(SERVERS[QUEUE].folder, {})
    documents = documents_of(texts)
    assert requested_access(documents, "default") == ()
    (pod,) = (each.content["spec"]["template"]["spec"] for each in documents if each.kind == "StatefulSet")
    (container,) = pod["containers"]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert pod["securityContext"]["runAsNonRoot"] is True
    # A Service called `rabbitmq` would set variables that the server reads.
    assert pod["enableServiceLinks"] is False


def test_its_service_has_both_ports_and_can_be_left_out() -> None:
    where = SERVERS[QUEUE].coordinates
    service = _rendered({})["Service"]
    assert service["metadata"]["name"] == where["host"]
    assert [port["port"] for port in service["spec"]["ports"]] == [where["port"], where["management_port"]]
    component = Credentials.new("cell", SERVERS[QUEUE]).server()
    assert "Service" not in _rendered(dict(component.without_service))
