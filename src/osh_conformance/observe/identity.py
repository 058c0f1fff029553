"""The state of Keystone, read through its HTTP API as its administrator."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from osh_conformance.errors import SuiteError
from osh_conformance.model.observation import IdentityState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from osh_conformance.cluster.api import Answer, Kube

_SERVICES = "/api/v1/namespaces/{}/services"


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityService:
    """A Keystone behind a Service, and the administrator that its `bootstrap` created.

    - namespace: the one of the Service, "" for the cell's own.
    - unique: the word in the names of what the cell registered, where cells share a Keystone; "" for all entries.
    """

    service: str
    port: int
    username: str
    password: str
    project: str
    domain: str
    namespace: str = ""
    unique: str = ""

    @property
    def shared(self) -> bool:
        """Whether other cells use it too."""
        return bool(self.unique)


#: How the API server begins where it found a pod behind the Service, and the pod did not answer.
_SILENT = "error trying to reach service"

#: Stands for the word of a cell in what it registered.
UNIQUE = "{unique}"


def ask(kube: Kube, namespace: str, identity: IdentityService) -> IdentityState | None:
    """Request a token and, with it, list users, services and endpoints; None without a Service of that name.

    Where the API server answers instead of Keystone, the state has only its words. `namespace` is the cell's. Of a
    Keystone that cells share, list what this cell registered: users and services whose
    names carry its word, endpoints of its region, and their services. Raises `SuiteError` if a shared one does not list
    them: that is no fault of the cell's chart.
    """
    where = identity.namespace or namespace
    if not any(each["metadata"]["name"] == identity.service for each in kube.list(_SERVICES.format(where))):
        return None
    try:
        return _asked(kube, where, identity)
    except _NotKeystoneError as error:
        silent = error.message.startswith(_SILENT)
        return IdentityState(
            token_status=0,
            administrator=identity.username,
            shared=identity.shared,
            unasked="" if silent else error.message,
            silent=error.message if silent else "",
        )


class _NotKeystoneError(SuiteError):
    """The API server answered, and not Keystone; the message is the API server's."""


def _asked(kube: Kube, where: str, identity: IdentityService) -> IdentityState:
    answer = _request(kube, where, identity, "POST", "/v3/auth/tokens", body=_password_request(identity))
    token = next((value for name, value in answer.headers.items() if name.lower() == "x-subject-token"), "")
    if answer.status != HTTPStatus.CREATED:
        return IdentityState(token_status=answer.status, administrator=identity.username, shared=identity.shared)

    def listed(collection: str) -> list[Any]:
        response = _request(kube, where, identity, "GET", f"/v3/{collection}", token=token)
        if response.status == HTTPStatus.OK and response.body:
            return list(response.body[collection])
        if identity.shared:
            raise SuiteError(f"Keystone did not list its {collection}: it answered with status {response.status}")
        return []

    entries = _Entries(users=listed("users"), services=listed("services"), endpoints=listed("endpoints"))
    own = entries.of(identity.unique) if identity.shared else entries
    return IdentityState(
        token_status=answer.status,
        users=_texts((user["name"] for user in own.users), identity),
        services=_texts((f"{each.get('name', '')} ({each['type']})" for each in own.services), identity),
        endpoints=_texts((entries.text(endpoint) for endpoint in own.endpoints), identity),
        administrator=identity.username,
        shared=identity.shared,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entries:
    """What a Keystone lists, as its API returns it."""

    users: list[Any]
    services: list[Any]
    endpoints: list[Any]

    def of(self, word: str) -> _Entries:
        """Return the entries that carry a word, and the services that have such an endpoint."""
        named = {each["id"] for each in self.services if word in each.get("name", "")}
        endpoints = [
            each
            for each in self.endpoints
            if word in str(each.get("region_id") or each.get("region")) or each["service_id"] in named
        ]
        used = named | {each["service_id"] for each in endpoints}
        return _Entries(
            users=[user for user in self.users if word in user["name"]],
            services=[each for each in self.services if each["id"] in used],
            endpoints=endpoints,
        )

    def text(self, endpoint: Any) -> str:
        types = {each["id"]: each.get("type", "") for each in self.services}
        return f"{types.get(endpoint['service_id'], '?')} {endpoint['interface']} {endpoint['url']}"


def _texts(names: Iterable[str], identity: IdentityService) -> tuple[str, ...]:
    """Return the names, sorted. The word of a cell would make two cells look different."""
    return tuple(sorted(name.replace(identity.unique, UNIQUE) if identity.shared else name for name in names))


def _request(  # noqa: PLR0913
    kube: Kube, namespace: str, identity: IdentityService, method: str, path: str, *, body: Any = None, token: str = ""
) -> Answer:
    headers = {"X-Auth-Token": token} if token else {}
    where = (namespace, identity.service, identity.port)
    answer = kube.request_service(*where, method, path, body=body, headers=headers)
    if answer.refusal:
        raise _NotKeystoneError(answer.refusal)
    return answer


def _password_request(identity: IdentityService) -> Any:
    domain = {"name": identity.domain}
    user = {"name": identity.username, "password": identity.password, "domain": domain}
    return {
        "auth": {
            "identity": {"methods": ["password"], "password": {"user": user}},
            "scope": {"project": {"name": identity.project, "domain": domain}},
        }
    }
