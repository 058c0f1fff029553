"""The credentials of a cell's own database server."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from osh_conformance.plan.cells import DATABASE
from osh_conformance.plan.needs import DATABASE_CHART, database_image
from osh_conformance.scenario.certificates import create as new_certificates
from osh_conformance.scenario.infrastructure import Component

if TYPE_CHECKING:
    from collections.abc import Mapping

    from osh_conformance.scenario.certificates import Certificates

#: Characters that break charts which put a password unquoted into a URL, an option file or a shell command.
_HARD_PASSWORD = "p@ss /%:'\"\\$`é"  # noqa: S105 - a prefix; the rest is random


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """The administrator's password of a database server, and its certificates if it requires TLS.

    `secrets` has the random part of the password by itself too: it stays the same however the whole is quoted.
    """

    password: str
    secrets: tuple[str, ...]
    certificates: Certificates | None = None

    @classmethod
    def new(cls, namespace: str, *, any_password: bool = False, tls: bool = False) -> Credentials:
        """Make credentials for the server of a namespace. `any_password` adds characters that charts get wrong."""
        random = secrets.token_urlsafe(12)
        password = _HARD_PASSWORD * any_password + random
        host = str(DATABASE["host"])
        hosts = [host, *(f"{host}.{namespace}{end}" for end in ("", ".svc", ".svc.cluster.local"))]
        certificates = new_certificates(hosts) if tls else None
        return cls(password=password, secrets=(password, random), certificates=certificates)

    @property
    def coordinates(self) -> Mapping[str, str | int]:
        """Where the server is, and how its administrator logs in."""
        return {**DATABASE, "password": self.password}

    @property
    def authority(self) -> str:
        """The certificate (PEM) of the authority that signed the server's own, "" without TLS."""
        return self.certificates.authority if self.certificates else ""

    def server(self) -> Component:
        """Return the suite's own database server with these credentials."""
        values: dict[str, Any] = {"root": {"password": self.password}}
        if self.certificates:
            pairs = (("trusted", self.certificates.trusted), ("untrusted", self.certificates.untrusted))
            files = {name: {"certificate": pair.certificate, "key": pair.key} for name, pair in pairs}
            values["tls"] = {**files, "required": True}
        return Component(
            name="mariadb",
            chart=DATABASE_CHART,
            image=database_image(),
            values=values,
            without_service={"manifests": {"service": False}},
            container="mariadb",
        )
