"""The suite's own servers, which cells have beside the chart: their infrastructure charts, images and coordinates."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from osh_conformance.charts.source import opened
from osh_conformance.charts.values import at, merged, placed
from osh_conformance.loading.search import data_folder
from osh_conformance.model.convention import DATABASE, QUEUE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from osh_conformance.charts.target import ChartTarget
    from osh_conformance.model.scenario import Scenario

#: The values of an infrastructure chart that charts under test get, under the same names.
_COORDINATES = ("port", "management_port")
#: A chart may require a password to render. No server and no shared release has this one.
NO_PASSWORD = "of-no-server"  # noqa: S105


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerChart:
    """One of the suite's infrastructure charts. Its values name its host (`name`), its ports and its image.

    - name: the chart's, which its image key and its container have too.
    - username_path, password_path: dotted paths of the administrator in its values; `username` where the name is fixed.
    """

    name: str
    password_path: str
    username_path: str = ""
    username: str = ""

    @property
    def folder(self) -> Path:
        """The chart."""
        return data_folder("infrastructure") / self.name

    @property
    def image(self) -> str:
        """The reference of its image."""
        return str(at(_values(self.name), f"images.{self.name}"))

    @property
    def coordinates(self) -> Mapping[str, str | int]:
        """Where the server is, and its administrator's name. Each cell adds a password of its own."""
        values = _values(self.name)
        ports = {name: values[name] for name in _COORDINATES if name in values}
        username = self.username or str(at(values, self.username_path))
        return {"host": str(values["name"]), **ports, "username": username}

    def values(self, password: str) -> dict[str, Any]:
        """Return the values that give the administrator a password."""
        name = placed(self.username_path, self.coordinates["username"]) if self.username_path else {}
        return merged(name, placed(self.password_path, password))


SERVERS: Mapping[str, ServerChart] = {
    DATABASE: ServerChart(name=DATABASE, username="root", password_path="root.password"),  # noqa: S106
    QUEUE: ServerChart(
        name=QUEUE,
        username_path="administrator.username",
        password_path="administrator.password",  # noqa: S106
    ),
}


def servers_of(target: ChartTarget, scenario: Scenario) -> tuple[ServerChart, ...]:
    """Return the servers that a cell of a chart has in a scenario: the database server first.

    The catalog names the others, and only scenarios of the whole service have them.
    """
    named = (target.entry.infrastructure or ()) if target.entry else ()
    used = {DATABASE, *(named if scenario.whole else ())}
    return tuple(server for name, server in SERVERS.items() if name in used)


def unreachable(target: ChartTarget, scenario: Scenario) -> dict[str, Mapping[str, str | int]]:
    """Return coordinates of the servers of a cell with a password that none has: enough to render the chart."""
    return {server.name: {**server.coordinates, "password": NO_PASSWORD} for server in servers_of(target, scenario)}


@functools.cache
def _values(name: str) -> Mapping[str, Any]:
    with opened(data_folder("infrastructure") / name) as source:
        return source.values.content


def forget() -> None:
    """Read the infrastructure charts again when they are used next. For tests."""
    _values.cache_clear()
