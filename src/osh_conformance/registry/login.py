"""Logging in to a registry as `docker pull` does: by a bearer token, or by Basic.

A password goes only where the registry at its own address asks for it: to that address, or to the token server that
it names, and only encrypted or on this machine.
"""

from __future__ import annotations

import json
import re
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING

from osh_conformance.registry.answers import Answer, RegistryError, login_command, refusal
from osh_conformance.registry.credentials import Keyring
from osh_conformance.registry.loopback import is_confidential
from osh_conformance.registry.wire import origin

if TYPE_CHECKING:
    from collections.abc import Mapping

    import requests

    from osh_conformance.registry.answers import Reply
    from osh_conformance.registry.credentials import Credentials
    from osh_conformance.registry.wire import Wire

_PART = re.compile(
    r"""(?:(?P<scheme>[\w-]+)\s+)?(?P<name>[\w-]+)\s*=\s*(?:"(?P<quoted>.*)"|(?P<plain>[^"]*))""", re.DOTALL
)
_CLIENT = "osh-conformance"


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """One way to log in that a registry offers."""

    scheme: str
    parameters: Mapping[str, str]


@dataclass(slots=True, kw_only=True)
class Login:
    """The login of one client at the registry whose URLs begin with `base`."""

    wire: Wire
    base: str
    agent: str
    keyring: Keyring = field(default_factory=Keyring)
    #: The Authorization headers that the registry accepted, by repository.
    _headers: dict[str, str] = field(default_factory=dict, init=False, repr=False)

    #: What the user's Docker configuration has for this registry, once it asked.
    asked: Credentials | None = field(default=None, init=False, repr=False)

    def is_asked_for(self, response: requests.Response) -> bool:
        """Whether the registry itself, and no other host to which it sent the request, asks for a login."""
        own = origin(response.url) == origin(self.base)
        return own and response.status_code == HTTPStatus.UNAUTHORIZED

    def header(self, repository: str) -> str:
        """Return the Authorization header for a repository; empty before the registry has asked for one."""
        return self._headers.get(repository, "")

    def answer(self, challenges: str, repository: str) -> bool:
        """Answer a registry that asks for a login; return whether there is another header to try.

        `challenges` is its header WWW-Authenticate. Raises `RegistryError` if the token server refuses.
        """
        self.asked = None
        offered = {challenge.scheme: challenge for challenge in parse(challenges)}
        if "bearer" in offered:
            header = self._bearer(offered["bearer"], repository)
        elif "basic" in offered:
            header = self._basic()
        else:
            header = ""
        changed = bool(header) and header != self._headers.get(repository)
        self._headers[repository] = header
        return changed

    @property
    def host(self) -> str:
        """The registry's host and port."""
        return self.wire.host

    def _basic(self) -> str:
        credentials = self.asked = self.keyring.of(self.host)
        if credentials.basic:
            self._check_confidential(self.base)
        return credentials.basic

    def _bearer(self, challenge: Challenge, repository: str) -> str:
        credentials = self.asked = self.keyring.of(self.host)
        if credentials.registry_token:
            self._check_confidential(self.base)
            return f"Bearer {credentials.registry_token}"
        realm = challenge.parameters.get("realm", "")
        if not _is_address(realm):
            raise RegistryError(
                f"the registry {self.host} asks for a login at {realm!r}, which is no address",
                answer=Answer.BROKEN,
                expected="the https URL of a token server",
            )
        if credentials:
            self._check_confidential(realm)
        query = {}
        if scope := challenge.parameters.get("scope") or (f"repository:{repository}:pull" if repository else ""):
            query["scope"] = scope
        if service := challenge.parameters.get("service"):
            query["service"] = service
        reply = self._exchange(realm, query, credentials) if credentials.identity_token else None
        return f"Bearer {self._token(reply or self._get(realm, query, credentials), repository, credentials)}"

    def _get(self, realm: str, query: Mapping[str, str], credentials: Credentials) -> Reply:
        account = {"account": credentials.username} if credentials.username else {}
        joint = "&" if urllib.parse.urlsplit(realm).query else "?"
        url = f"{realm}{joint}{urllib.parse.urlencode({**query, 'client_id': _CLIENT, **account})}"
        headers = {"User-Agent": self.agent, "Accept": "application/json"}
        return self.wire.ask("GET", url, headers=headers, authorization=credentials.basic)

    def _exchange(self, realm: str, query: Mapping[str, str], credentials: Credentials) -> Reply:
        """Exchange an identity token. It is in the body, so this request follows no redirect (it is a POST)."""
        form = {
            **query,
            "grant_type": "refresh_token",
            "refresh_token": credentials.identity_token,
            "client_id": _CLIENT,
        }
        headers = {
            "User-Agent": self.agent,
            "Accept": "application/json",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        return self.wire.ask("POST", realm, headers=headers, body=urllib.parse.urlencode(form).encode())

    def _token(self, reply: Reply, repository: str, credentials: Credentials) -> str:
        if reply.status != HTTPStatus.OK:
            raise self._refused(reply, repository, credentials)
        try:
            content = json.loads(reply.body)
            token = content.get("token") or content.get("access_token")
        except (ValueError, AttributeError):
            token = None
        if reply.is_page or not isinstance(token, str) or not re.fullmatch(r"[\x21-\x7e]+", token):
            if reply.is_page:
                raise refusal(urllib.parse.urlsplit(reply.url).netloc, reply, repository)
            raise RegistryError(
                f"the token server of the registry {self.host} sent no token for {repository}", answer=Answer.BROKEN
            )
        return token

    def _refused(self, reply: Reply, repository: str, credentials: Credentials) -> RegistryError:
        error = refusal(self.host, reply, repository, known=bool(credentials))
        if error.answer not in (Answer.DENIED, Answer.ABSENT) or not credentials:
            return error
        return RegistryError(
            f"the registry {self.host} refuses the login of the user's Docker configuration: {reply.words}",
            answer=Answer.DENIED,
            fix=f"log in again with `{login_command(self.host)}`",
        )

    def _check_confidential(self, url: str) -> None:
        if not is_confidential(url):
            parts = urllib.parse.urlsplit(url)
            raise RegistryError(
                f"the registry {self.host} asks for a password at {parts.scheme}://{parts.netloc}, which anybody on "
                "the way can read; it was not sent",
                answer=Answer.DENIED,
                expected="an address of https",
                fix=f"give the server a certificate; or, if the image needs no login, `{_logout(self.host)}`",
            )


def _is_address(url: str) -> bool:
    try:
        parts = urllib.parse.urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.username and parts.port != 0
    except ValueError:
        return False


def _logout(host: str) -> str:
    return login_command(host).replace("login", "logout")


def parse(challenges: str) -> tuple[Challenge, ...]:
    """Return the challenges of a header WWW-Authenticate, their schemes and parameters' names in lower case."""
    found: list[tuple[str, dict[str, str]]] = []
    for part in urllib.request.parse_http_list(challenges):
        match = _PART.fullmatch(part)
        scheme = match["scheme"] if match else part.strip()
        if scheme:
            found.append((scheme.lower(), {}))
        if match and found:
            value = match["plain"] if match["quoted"] is None else re.sub(r"\\(.)", r"\1", match["quoted"])
            found[-1][1][match["name"].lower()] = value.strip()
    return tuple(Challenge(scheme=scheme, parameters=parameters) for scheme, parameters in found)
