"""How a family of charts is laid out, as a record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from osh_conformance.model.matrix import Tier


@dataclass(frozen=True, slots=True, kw_only=True)
class QuickDrop:
    """Values with which a drop Job has ended after so many seconds, whatever happens."""

    seconds: int
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Convention:
    """How a family of charts is laid out; a file in `data/conventions/`. Paths are dotted paths in values.

    `images` is the mapping that holds the references, `pull_policy` the one declared policy, `db_drop` the switch of
    the drop Job, `aliases` maps an image key to the standard key whose function it performs, `not_keys` are entries
    below `images` that are no image keys. `toggles` are the switches of optional manifests, as patterns
    (`manifests.*`); of each group in `exclusive` (patterns too) no two are switched on together. `overrides` are the
    values files that ship beside a chart, as patterns relative to it.

    `values` are given to every live cell, `infrastructure` holds by component the values that tell a chart
    where it is (`{host}`, `{port}`, `{username}`, `{password}`), `identity` says where
    Keystone and its administrator are found, `node_labels` what the nodes must carry. `any_password`: the charts
    promise to take a password of any characters, `image_contract` says what their job scripts ask of an image.
    `names` hold by kind (`database`, `username`, `password`: of the service, not of the administrator) the values that
    give it another one (`{database}` and so on), `tls` those that tell of the authority of the server's certificate
    (`{ca}`, PEM), `quick` how the drop Job is told to give up after so many `seconds` in all, by `values`. `lean` are
    values that leave out what has no part in a removal.
    `{chart}` is, in all of them, the chart's name with underscores, and `{uid}` a user id that no image knows.
    """

    name: str
    summary: str
    images: str
    pull_policy: str
    db_drop: str
    aliases: Mapping[str, str] = field(default_factory=dict)
    not_keys: tuple[str, ...] = ()
    toggles: tuple[str, ...] = ()
    exclusive: tuple[tuple[str, ...], ...] = ()
    overrides: tuple[str, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    infrastructure: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    identity: Mapping[str, Any] = field(default_factory=dict)
    node_labels: Mapping[str, str] = field(default_factory=dict)
    any_password: bool = False
    names: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    tls: Mapping[str, Any] = field(default_factory=dict)
    quick: QuickDrop | None = None
    lean: Mapping[str, Any] = field(default_factory=dict)
    image_contract: Tier = Tier.CORE
