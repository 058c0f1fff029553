"""The record of a convention: the layout of a family of charts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from osh_conformance.model.field_values import one_of
from osh_conformance.model.matrix import Tier

#: The name of the Secret that the suite gives to a chart as its pull secret.
PULL_SECRET = "osh-conformance-pull-secret"  # noqa: S105 - a name


@dataclass(frozen=True, slots=True, kw_only=True)
class FastDrop:
    """Values that shorten the drop Job's deadlines."""

    seconds: int
    """Seconds after which the Job has ended, successful or not."""
    values: Mapping[str, Any]
    """The values that shorten the deadlines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Convention:
    """The layout of a family of charts: a file of `conventions/`.

    Paths are dotted paths in the chart's values. In all values and names below, `{chart}` is the chart's name with
    underscores, and `{uid}` is a user id that has no account in any image.
    """

    name: str
    """The convention's name. The file has the same name."""
    images: str
    """The path of the mapping that holds the image references."""
    pull_policy: str
    """The path of the chart's pull policy."""
    db_drop: str
    """The path of the drop Job's switch."""
    summary: str = ""
    """The layout in one line."""
    aliases: Mapping[str, str] = field(default_factory=dict)
    """The standard key whose task an image key performs, by image key."""
    not_keys: tuple[str, ...] = ()
    """Entries below `images` that are not image keys."""
    toggles: tuple[str, ...] = ()
    """The switches of optional manifests, as patterns (`manifests.*`)."""
    exclusive: tuple[tuple[str, ...], ...] = ()
    """Groups of switches, as patterns. At most one switch of a group may be on."""
    overrides: tuple[str, ...] = ()
    """The values files that ship with a chart, as patterns relative to it."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """Values for every live cell."""
    infrastructure: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """The values that point a chart to a component, by component (`mariadb`). They may contain `{host}`, `{port}`, and
    the administrator's `{username}` and `{password}`."""
    identity: Mapping[str, Any] = field(default_factory=dict)
    """Keystone's `service`, `port` and `path`, and the paths of its administrator's `username` and `password`."""
    node_labels: Mapping[str, str] = field(default_factory=dict)
    """Labels that the nodes must have."""
    any_password: bool = False
    """The charts promise to accept any characters in a password."""
    names: Mapping[Annotated[str, one_of("database", "username", "password")], Mapping[str, Any]] = field(
        default_factory=dict
    )
    """The values that give the service another `database`, `username` or `password`: `{database}` and so on."""
    pull_secret: Mapping[str, Any] = field(default_factory=dict)
    """The values that make a chart's pods pull with a Secret of the release's namespace: `{secret}`, its name. They may
    contain `{chart_name}`, the chart's name as it is. Empty: the layout has no place for it."""
    tls: Mapping[str, Any] = field(default_factory=dict)
    """The values that make a chart trust the database server's certificate authority: `{ca}`, in PEM."""
    fast_drop: FastDrop | None = None
    """How to make the drop Job give up early. Without it, scenarios with faults wait for the Job's own deadline."""
    minimal_values: Mapping[str, Any] = field(default_factory=dict)
    """Values for scenarios outside the group `main`. They switch off the parts that an uninstall does not need."""
    image_contract: Tier = Tier.CORE
    """The programs and modules that the charts' job scripts need in an image: `core` or `minimal`."""
