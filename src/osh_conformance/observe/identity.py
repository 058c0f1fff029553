"""The state of Keystone, read through its HTTP API as its administrator."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from osh_conformance.model.observation import IdentityState

if TYPE_CHECKING:
    from osh_conformance.cluster.api import Answer, Kube


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityService:
    """A Keystone behind a Service, and the administrator that its `bootstrap` created."""

    service: str
    port: int
    username: str
    password: str
    project: str
    domain: str


def ask(kube: Kube, namespace: str, identity: IdentityService) -> IdentityState:
    """Request a token and, with it, list users, services and endpoints."""
    answer = _request(kube, namespace, identity, "POST", "/v3/auth/tokens", body=_password_request(identity))
    token = next((value for name, value in answer.headers.items() if name.lower() == "x-subject-token"), "")
    if answer.status != HTTPStatus.CREATED:
        return IdentityState(token_status=answer.status, administrator=identity.username)

    def listed(collection: str) -> list[Any]:
        response = _request(kube, namespace, identity, "GET", f"/v3/{collection}", token=token)
        return list(response.body[collection]) if response.status == HTTPStatus.OK and response.body else []

    services = listed("services")
    names = {service["id"]: service.get("type", "") for service in services}
    return IdentityState(
        token_status=answer.status,
        users=tuple(sorted(user["name"] for user in listed("users"))),
        services=tuple(sorted(f"{service.get('name', '')} ({service['type']})" for service in services)),
        endpoints=tuple(
            sorted(f"{names.get(e['service_id'], '?')} {e['interface']} {e['url']}" for e in listed("endpoints"))
        ),
        administrator=identity.username,
    )


def _request(  # noqa: PLR0913
    kube: Kube, namespace: str, identity: IdentityService, method: str, path: str, *, body: Any = None, token: str = ""
) -> Answer:
    headers = {"X-Auth-Token": token} if token else {}
    return kube.request_service(namespace, identity.service, identity.port, method, path, body=body, headers=headers)


def _password_request(identity: IdentityService) -> Any:
    domain = {"name": identity.domain}
    user = {"name": identity.username, "password": identity.password, "domain": domain}
    return {
        "auth": {
            "identity": {"methods": ["password"], "password": {"user": user}},
            "scope": {"project": {"name": identity.project, "domain": domain}},
        }
    }
