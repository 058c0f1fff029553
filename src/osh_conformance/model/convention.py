"""The record of a convention: the layout of a family of charts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from osh_conformance.model.field_values import one_of
from osh_conformance.model.matrix import Tier

#: The suite's own servers, as `infrastructure` names them: the database server, which every cell has, and the queue.
DATABASE, QUEUE = "mariadb", "rabbitmq"
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
class ImageFields:
    """The names of the fields of an image map, a reference in parts. Of several names, the first that a map has counts.

    The reference is `[registry/]repository[:tag][@digest]`.
    """

    registry: tuple[str, ...] = ("registry",)
    """The registry host."""
    repository: tuple[str, ...] = ("repository", "image", "name")
    """The repository, with the registry host if the map has no field for it."""
    tag: tuple[str, ...] = ("tag",)
    """The tag."""
    digest: tuple[str, ...] = ("digest", "sha")
    """The digest, `sha256:` and hexadecimal digits."""
    pull_policy: tuple[str, ...] = ("pullPolicy", "imagePullPolicy", "pull_policy")
    """The pull policy of the containers that run the image."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Convention:
    """The layout of a family of charts: a file of `conventions/`.

    Paths are dotted paths in the chart's values. In all values and names below, `{chart}` is the chart's name with
    underscores, and `{uid}` is a user id that has no account in any image.
    """

    name: str
    """The convention's name. The file has the same name."""
    images: str = ""
    """The path of the mapping that holds the image references. An entry is a text, an image map (which KEY-1 reports as
    a warning: the layout is one of texts), or a list of these."""
    image_maps: tuple[str, ...] = ()
    """The paths of image maps, as patterns, for a layout without `images`: `*` is one name, `**` any number of names
    (`**.image`)."""
    image_fields: ImageFields = field(default_factory=ImageFields)
    """The names of the fields of image maps."""
    image_values: Mapping[str, Any] = field(default_factory=dict)
    """Values that charts demand beside images of another origin. They are set where a chart has them."""
    pull_policy: str = ""
    """The path of the chart's pull policy. Without it, each image map may have one, see `image_fields`."""
    db_drop: str = ""
    """The path of the drop Job's switch. Without it the layout has none, and live runs cannot take its charts."""
    db_init: str = ""
    """The path of the switch of the Job that creates the database. Without it, a reduced run cannot take the layout's
    charts."""
    db_sync: str = ""
    """The path of the switch of the Job that creates the tables. A reduced run leaves it on where the flavor has an
    image of the service for it."""
    unwait: tuple[str, ...] = ()
    """Values, as patterns (`dependencies.static.*`), that say what a pod waits for before it starts. A reduced run sets
    them to null, but for the Jobs that create and drop the database."""
    summary: str = ""
    """The layout in one line."""
    aliases: Mapping[str, str] = field(default_factory=dict)
    """The standard key whose task an image key performs, by image key."""
    not_keys: tuple[str, ...] = ()
    """Entries below `images` that are not image keys."""
    local_registry: str = ""
    """The path of a switch with which templates put the address of a registry in the cluster in front of each image.
    It is set where switches are on, so that what it guards is checked; the address is then no part of the image. Empty:
    nothing may stand in front of an image."""
    toggles: tuple[str, ...] = ()
    """The switches of optional manifests, as patterns (`manifests.*`)."""
    exclusive: tuple[tuple[str, ...], ...] = ()
    """Groups of switches, as patterns. At most one switch of a group may be on."""
    overrides: tuple[str, ...] = ()
    """The values files that ship with a chart, as patterns relative to it."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """Values for every live cell."""
    infrastructure: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """The values that point a chart to a component, by component: a server of the suite (`mariadb`, `rabbitmq`), or
    another chart that it needs (`keystone`). They may contain `{host}`, `{port}`, the administrator's `{username}` and
    `{password}`, and `{unique}`, a word that no other cell has; those of `rabbitmq` also `{management_port}`, the port
    of its HTTP API. For a chart, `{host}` and `{port}` are those of the Service in its convention's `identity`, and
    `{namespace}` is where its release is. Cells share a Keystone: where the names and the region that a chart registers
    do not contain `{unique}`, nobody can tell the entries of two cells apart, and JOB-1 has no verdict on them.

    A key with a `*` stands for the keys of the chart's own values there that match it and whose entry has a `scheme` of
    `schemes`; below it, `{entry}` is the key. `names` may have such keys too."""
    schemes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By component, the patterns of the `scheme` of entries that lead to it (`mysql+*`): which entries a key with a `*`
    stands for."""
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
