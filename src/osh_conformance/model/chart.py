"""A chart as it renders: what the static rules judge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

#: The image keys that the rule names, by the function that each image performs.
STANDARD_KEYS = ("dep_check", "db_init", "db_sync", "db_drop", "ks_user", "ks_service", "ks_endpoints")

#: The three values that Kubernetes accepts.
PULL_POLICIES = ("Always", "IfNotPresent", "Never")


class Role(StrEnum):
    """What a container is in its workload. A hook's containers are `HOOK`, its init containers `INIT`."""

    INIT = "init"
    MAIN = "main"
    HOOK = "hook"
    CRON = "cron"
    TEST = "test"
    EPHEMERAL = "ephemeral"


@dataclass(frozen=True, slots=True, kw_only=True)
class Convention:
    """How a family of charts is laid out; a file in `data/conventions/`. Paths are dotted paths in values.

    `images` is the mapping that holds the references, `pull_policy` the one declared policy, `db_drop` the switch of
    the drop Job, `aliases` maps an image key to the standard key whose function it performs (`{service}` is the
    chart's name), `not_keys` are entries below `images` that are no image keys. `values` are given to every live
    cell, `infrastructure` says by component how the server's coordinates enter values (`{host}`, `{port}`,
    `{username}`, `{password}`), `identity` where Keystone and its administrator are found.
    """

    name: str
    recognised_by: tuple[str, ...]
    images: str
    pull_policy: str
    db_drop: str
    layout: str = "flat"
    aliases: Mapping[str, str] = field(default_factory=dict)
    not_keys: tuple[str, ...] = ("pull_policy", "local_registry", "pull_secrets")
    values: Mapping[str, Any] = field(default_factory=dict)
    infrastructure: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    identity: Mapping[str, Any] = field(default_factory=dict)
    node_labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredImage:
    """One entry of the images section: its key, the reference as written, and the line in values.yaml (from 1)."""

    key: str
    reference: str
    path: str
    line: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """One container of a rendered workload. `image` and `pull_policy` are None where the manifest has none.

    `template` is the file that rendered it, relative to the chart; `workload` is `Kind/name`.
    """

    workload: str
    name: str
    role: Role
    image: str | None
    pull_policy: str | None
    template: str
    index: int = 0

    @property
    def label(self) -> str:
        """`Kind/name container`, as messages say it."""
        return f"{self.workload} {self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedChart:
    """A chart and one rendering of it. `path` is relative to the PATH argument; `policy` is the declared one."""

    name: str
    path: str
    version: str
    convention: str | None
    images: tuple[DeclaredImage, ...] | None
    images_path: str
    policy: Any
    policy_path: str
    policy_line: int | None
    containers: tuple[Container, ...]
    documents: tuple[Mapping[str, Any], ...] = ()
    #: Renderings with the declared policy set to each of the three values: PP-1 compares them.
    by_policy: Mapping[str, tuple[Container, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredContainer:
    """A container that the chart promises with one set of values. `key` is the image key that reaches it, if any.

    `hooks` are the values of `helm.sh/hook` of its workload.
    """

    workload: str
    name: str
    role: Role
    key: str | None
    image: str | None
    pull_policy: str | None
    hooks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredChart:
    """What a chart declares with one set of values: references by key, the policy, and where each key ends up.

    `functions` maps an image key to the standard key whose function it performs, where there is one.
    """

    name: str
    version: str
    policy: str | None
    images: Mapping[str, str]
    functions: Mapping[str, str]
    containers: tuple[DeclaredContainer, ...]

    def keys_of(self, function: str) -> frozenset[str]:
        """The image keys that perform a standard function."""
        return frozenset(key for key, performed in self.functions.items() if performed == function)

    def containers_of(self, function: str) -> tuple[DeclaredContainer, ...]:
        """The containers that run an image of a standard function."""
        keys = self.keys_of(function)
        return tuple(c for c in self.containers if c.key in keys)
