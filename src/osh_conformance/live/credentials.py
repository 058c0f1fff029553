"""The credentials of a cell's own servers."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from osh_conformance.model.convention import DATABASE, QUEUE
from osh_conformance.plan.servers import SERVERS
from osh_conformance.scenario.certificates import create as new_certificates
from osh_conformance.scenario.infrastructure import Component

if TYPE_CHECKING:
    from collections.abc import Mapping

    from osh_conformance.plan.servers import ServerChart
    from osh_conformance.scenario.certificates import Certificates

#: Characters that break charts which put a password unquoted into a URL, an option file or a shell command.
_HARD_PASSWORD = "p@ss /%:'\"\\$`é"  # noqa: S105 - a prefix; the rest is random


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """The administrator's password of one server of a cell, and the server's certificates if it requires TLS.

    `secrets` has the random part of the password by itself too: it stays the same however the whole is quoted.
    """

    chart: ServerChart
    password: str
    secrets: tuple[str, ...]
    certificates: Certificates | None = None

    @classmethod
    def new(
        cls, namespace: str, chart: ServerChart = SERVERS[DATABASE], *, any_password: bool = False, tls: bool = False
    ) -> Credentials:
        """Make credentials for a server of a namespace. `any_password` adds characters that charts get wrong."""
        random = secrets.token_urlsafe(12)
        password = _HARD_PASSWORD * any_password + random
        host = str(chart.coordinates["host"])
        hosts = [host, *(f"{host}.{namespace}{end}" for end in ("", ".svc", ".svc.cluster.local"))]
        certificates = new_certificates(hosts) if tls else None
        return cls(chart=chart, password=password, secrets=(password, random), certificates=certificates)

    @property
    def coordinates(self) -> Mapping[str, str | int]:
        """Where the server is, and how its administrator logs in."""
        return {**self.chart.coordinates, "password": self.password}

    @property
    def authority(self) -> str:
        """The certificate (PEM) of the authority that signed the server's own, "" without TLS."""
        return self.certificates.authority if self.certificates else ""

    def server(self, chart: str = "") -> Component:
        """Return the suite's own server with these credentials, for a cell of `chart`."""
        values = self.chart.values(self.password)
        if self.chart.name == QUEUE and chart:
            # The database server gets its neighbour later: `infrastructure.add_neighbour`.
            values["neighbour"] = f"{chart}_neighbour"
        if self.certificates:
            made = self.certificates
            pairs = {"trusted": made.trusted, "untrusted": made.untrusted, "other_host": made.other_host}
            files = {name: {"certificate": pair.certificate, "key": pair.key} for name, pair in pairs.items()}
            values["tls"] = {**files, "required": True}
        return Component(
            name=self.chart.name,
            chart=self.chart.folder,
            image=self.chart.image,
            values=values,
            without_service={"manifests": {"service": False}},
            container=self.chart.name,
        )
