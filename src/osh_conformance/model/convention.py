"""How a family of charts is laid out, as a record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from osh_conformance.model.field_values import one_of
from osh_conformance.model.matrix import Tier


@dataclass(frozen=True, slots=True, kw_only=True)
class FastDrop:
    """Values that shorten the deadlines of a drop Job."""

    seconds: int
    """Seconds after which the Job has ended, in any case."""
    values: Mapping[str, Any]
    """The values that do it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Convention:
    """How a family of charts is laid out: a file of `conventions/`.

    Paths are dotted paths in the chart's values. In all values and names below, `{chart}` is the chart's name with
    underscores, and `{uid}` a user id without an account in any image.
    """

    name: str
    """The convention's name, and its file's."""
    images: str
    """The path of the mapping that holds the image references."""
    pull_policy: str
    """The path of the one declared pull policy."""
    db_drop: str
    """The path of the switch of the drop Job."""
    summary: str = ""
    """The layout in one line."""
    aliases: Mapping[str, str] = field(default_factory=dict)
    """The standard key whose task an image key performs, by image key."""
    not_keys: tuple[str, ...] = ()
    """Entries below `images` that are no image keys."""
    toggles: tuple[str, ...] = ()
    """The switches of optional manifests, as patterns (`manifests.*`)."""
    exclusive: tuple[tuple[str, ...], ...] = ()
    """Groups of switches, as patterns. At most one switch of a group may be on."""
    overrides: tuple[str, ...] = ()
    """The values files that come with a chart, as patterns relative to it."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """Values that every live cell gets."""
    infrastructure: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By component (`mariadb`), the values that tell a chart where it is: `{host}`, `{port}`, `{username}` and
    `{password}`, of the administrator."""
    identity: Mapping[str, Any] = field(default_factory=dict)
    """Where Keystone is (`service`, `port`, `path`), and the paths of its administrator's `username` and `password`."""
    node_labels: Mapping[str, str] = field(default_factory=dict)
    """Labels that the nodes must have."""
    any_password: bool = False
    """The charts promise to accept a password of any characters."""
    names: Mapping[Annotated[str, one_of("database", "username", "password")], Mapping[str, Any]] = field(
        default_factory=dict
    )
    """The values that give the service another `database`, `username` or `password`: `{database}` and so on."""
    tls: Mapping[str, Any] = field(default_factory=dict)
    """The values that tell a chart of the authority of the database server's certificate: `{ca}`, PEM."""
    fast_drop: FastDrop | None = None
    """How the drop Job is made to give up early. Without it, scenarios of faults wait for the Job's own deadline."""
    minimal_values: Mapping[str, Any] = field(default_factory=dict)
    """Values for all scenarios but those of the group `main`: they leave out what an uninstall does not need."""
    image_contract: Tier = Tier.CORE
    """What the charts' job scripts expect of an image: `core` or `minimal`."""
