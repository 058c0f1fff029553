"""The rows: what is done on the ordinary machine, and what is expected, as data."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003  (the loader reads the types of fields)
from dataclasses import dataclass, field
from typing import Annotated, Any

from ci.world import layout
from osh_conformance.errors import UsageError
from osh_conformance.loading import records
from osh_conformance.model.field_values import one_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A command of the plain user, and what is expected of it."""

    run: str
    """A shell script."""
    code: int = 0
    """The exit code."""
    says: tuple[str, ...] = ()
    """Regular expressions, each of which the output matches."""
    lacks: tuple[str, ...] = ()
    """Regular expressions, none of which the output matches."""
    within: float = 0
    """Seconds that it may take; 0: as long as the row."""
    folder: str = ""
    """The working folder, below HOME."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A situation on the ordinary machine."""

    name: str
    group: Annotated[str, one_of("world", "faults", "bad-input", "none")]
    about: str
    """The line of the issue that it stands for."""
    steps: tuple[Step, ...]
    needs: tuple[Annotated[str, one_of("nothing", "package", "checkout", "chart", "images", "cluster")], ...] = (
        "package",
    )
    """What there is before, as `things.py` makes it. `nothing`: no image in Docker, and no cache of the suite."""
    faults: tuple[str, ...] = ()
    """The faults that are on, such as `hub-429`."""
    environment: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    """Files below HOME."""
    programs: tuple[str, ...] | None = None
    """The programs on PATH; all of them unless given."""
    docker_group: bool = True
    """Whether the user may use Docker."""
    daemon: Mapping[str, Any] = field(default_factory=dict)
    """Settings of the Docker daemon."""
    daemon_environment: Mapping[str, str] = field(default_factory=dict)
    disk: str = ""
    """The size of Docker's disk, if it is small."""
    imitation: Annotated[str, one_of("", "docker", "podman", "rootless")] = ""
    """What the engine behind the socket @SOCKET@, which everybody may use, says that it is."""
    ready: bool | None = None
    """Whether `osh-conformance doctor` says "Ready"; it runs before the steps, in the folder of the first."""
    doctor: str = ""
    """Its options."""
    doctor_within: float = 0
    """Seconds that it may take; 0: as long as the row."""
    asked: tuple[str, ...] = ()
    """`HOST/NAME` or `HOST` that must have been asked; `proxy`: the proxy was used."""
    not_asked: tuple[str, ...] = ()
    """`HOST/NAME` or `HOST` that must not have been asked."""
    minutes: float = 5
    """Minutes after which it is stopped."""
    quick: bool = False
    """Whether the gate runs it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsFile:
    """`rows.toml`."""

    rows: tuple[Row, ...]


def known() -> tuple[Row, ...]:
    """Return all rows; raises `UsageError` for two of one name."""
    rows = records.load(RowsFile, layout.HERE / "rows.toml").rows
    names = [row.name for row in rows]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise UsageError(f"rows.toml has two rows called {', '.join(sorted(twice))}")
    return rows


def chosen(groups: tuple[str, ...], names: tuple[str, ...], *, quick: bool) -> tuple[Row, ...]:
    """Return the rows that are named, or those of the groups."""
    rows = known()
    unknown = set(names) - {row.name for row in rows}
    if unknown:
        raise UsageError(
            f"there is no row {', '.join(sorted(unknown))}", expected="one of " + ", ".join(row.name for row in rows)
        )
    if names:
        return tuple(row for row in rows if row.name in names)
    return tuple(row for row in rows if row.group in groups and (row.quick or not quick))
